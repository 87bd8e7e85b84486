"""The script that makes the shipped model, with a Python that only takes notes."""

from __future__ import annotations

import functools
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / 'tools/misc/train_shapes.sh'
STAGES = ('stage1_pretrain', 'stage2_image', 'stage3_video')
# Writes what it was called with; a training makes a checkpoint, or is killed before.
PYTHON = """#!{python}
import os, signal, sys
from pathlib import Path

signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
called = ' '.join(sys.argv[1:])
if sys.argv[1] == '-c':
    print(3)
    sys.exit()
with open(os.environ['NOTES'], 'a') as notes:
    print(called, file=notes)
print('says', called)
if '--work-dir' in sys.argv and 'train.py' in called:
    if os.environ.get('KILLED', 'nothing') in called:
        sys.exit(9)
    if 'LONG' in os.environ:
        signal.sigwait([signal.SIGTERM])
        print('saved', flush=True)
        sys.exit(75)
    folder = Path(sys.argv[sys.argv.index('--work-dir') + 1])
    folder.mkdir(parents=True, exist_ok=True)
    (folder / 'last_checkpoint').write_text('/elsewhere/iter_7.pth')
"""


class Made:
    """A folder, and calls of the script that make a model there."""

    def __init__(self, folder: Path) -> None:
        self.out, self.notes = folder / 'my out', folder / 'notes'
        self.python = folder / 'python'
        self.python.write_text(PYTHON.format(python=sys.executable))
        self.python.chmod(0o755)
        self.data = folder / 'data'

    def environment(self, **env: str) -> dict[str, str]:
        paths = dict(PYTHON=self.python, NOTES=self.notes, SHAPES_ROOT=self.data)
        return {**os.environ, **{k: str(v) for k, v in paths.items()}, **env}

    def run(self, *args: str, **env: str) -> tuple[int, list[str]]:
        """Exit status, and what Python was called with."""
        self.notes.write_text('')
        done = subprocess.run(
            [SCRIPT, self.out, *args],
            env=self.environment(**env),
            capture_output=True,
            text=True,
        )
        assert not done.stderr, done.stderr
        return done.returncode, self.notes.read_text().splitlines()


@pytest.fixture
def made(tmp_path: Path) -> Made:
    return Made(tmp_path)


def test_without_a_folder_it_says_how_it_is_called():
    done = subprocess.run([SCRIPT], capture_output=True, text=True)
    assert done.returncode == 2
    assert 'tools/misc/train_shapes.sh OUT [PROCESSES]' in done.stderr


def test_data_then_three_stages_then_the_table_and_the_file(made: Made):
    status, calls = made.run(SEED='5')
    assert status == 0
    data, *stages, table, file = calls
    assert data.startswith(f'tools/dataset_converters/shapes.py {made.data} ')
    before = ''
    for number, (call, name) in enumerate(zip(stages, STAGES, strict=True), start=1):
        assert '--nproc-per-node 3 ' in call
        assert f'configs/uninext/{name}_shapes.py --launcher pytorch --amp' in call
        assert f'--resume --work-dir {made.out}/stage{number} ' in call
        assert call.endswith(f'--cfg-options randomness.seed=5{before}')
        before = f' load_from={made.out}/stage{number}/iter_7.pth'
    last = f'{made.out}/stage3/iter_7.pth'
    assert table.startswith(f'tools/analysis_tools/ten_tasks.py {last} ')
    assert file.startswith(f'tools/model_converters/publish_model.py {last} ')
    assert f' {made.out}/uninext_tiny.safetensors ' in file
    log = (made.out / 'training.txt').read_text()
    assert [f'says {call}' in log for call in calls] == [True] * len(calls)


def test_killed_in_a_stage_it_goes_on_with_that_stage(made: Made):
    status, calls = made.run('2', KILLED='stage2_image')
    assert status != 0
    assert [name in calls[-1] for name in STAGES] == [False, True, False]
    (made.data).mkdir()
    (made.data / 'refs_motion_val.json').touch()  # as the first call wrote
    status, calls = made.run('2')
    assert status == 0
    assert [name in call for call, name in zip(calls, STAGES[1:])] == [True, True]
    assert '--nproc-per-node 2 ' in calls[0]
    assert len(calls) == 4


@pytest.mark.parametrize('sent', [signal.SIGTERM, signal.SIGINT])
def test_what_ends_it_ends_the_training_which_saves(made: Made, sent: signal.Signals):
    made.notes.write_text('')
    script = subprocess.Popen(
        [SCRIPT, made.out, '1'],
        env=made.environment(LONG='1'),
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # it is ignored in the background of a shell, and would be by the script
        preexec_fn=functools.partial(signal.signal, sent, signal.SIG_DFL),
    )
    deadline = time.monotonic() + 30
    while 'stage1' not in made.notes.read_text():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    script.send_signal(sent)
    printed, _ = script.communicate(timeout=30)
    assert script.returncode == 128 + signal.SIGTERM
    assert 'saved' in printed
    assert not (made.out / 'stage1/done').exists()


def test_without_bfloat16(made: Made):
    _, calls = made.run('1', AMP='0')
    assert not any('--amp' in call for call in calls)


def test_make_model_needs_no_more_words():
    done = subprocess.run(
        ['make', '-n', 'model'], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert 'train_shapes.sh work_dirs/model\n' in done.stdout
