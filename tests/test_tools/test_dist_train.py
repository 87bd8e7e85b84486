"""The scripts as they are typed: two CPU processes, killed and resumed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from helpers.two_processes import (
    TOY,
    environment,
    losses_in,
    train_whole,
    two_copies,
)
from uninext.checkpoint import load_file
from uninext.engine.interruption import EXIT_REQUEUE

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = [
    'dist_train.sh',
    'dist_test.sh',
    'slurm_train.sh',
    'slurm_test.sh',
]


def start(*args: object) -> subprocess.Popen:
    command = [str(ROOT / 'tools/dist_train.sh'), str(TOY), '2']
    return subprocess.Popen(
        [*command, *map(str, args)],
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.mark.slow
def test_two_processes_killed_and_resumed(tmp_path):
    """By the script, which starts them as torchrun does."""
    expected = train_whole(tmp_path / 'whole')
    assert sorted(expected) == list(range(1, 21))

    work_dir = tmp_path / 'killed'
    slow = 'train_dataloader.dataset.seconds=0.1'  # time to be killed in
    killed = two_copies(work_dir, '--cfg-options', slow)
    deadline = time.monotonic() + 100
    while not (work_dir / 'iter_10.pth').exists() or max(losses_in(work_dir)) < 12:
        assert time.monotonic() < deadline and killed[0].is_alive()
        time.sleep(0.1)
    for process in killed:
        process.kill()
        process.join(30)
    assert not (work_dir / 'iter_20.pth').exists()

    resumed = start('--work-dir', work_dir, '--resume')
    output, _ = resumed.communicate(timeout=120)
    assert resumed.returncode == 0, output
    assert '2 process(es) on cpu' in output
    assert 'resumed epoch: 0, iter: 10' in output
    assert losses_in(work_dir) == expected


@pytest.mark.slow
def test_one_of_two_processes_is_told_to_end(tmp_path):
    """Both end after the same iteration, saved, and the run goes on from there."""
    ranks = two_copies(
        tmp_path, '--cfg-options', 'train_dataloader.dataset.seconds=0.1'
    )
    deadline = time.monotonic() + 100
    while max(losses_in(tmp_path), default=0) < 3:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    os.kill(ranks[1].pid, signal.SIGUSR1)
    for process in ranks:
        process.join(timeout=60)
    assert [process.exitcode for process in ranks] == [EXIT_REQUEUE] * 2
    done = max(losses_in(tmp_path))
    assert 3 < done < 20
    assert [path.name for path in tmp_path.glob('*.pth')] == [f'iter_{done}.pth']
    assert sorted(train_whole(tmp_path, '--resume')) == list(range(1, 21))


@pytest.mark.slow
def test_a_loss_of_one_process_is_no_number(tmp_path):
    """Both stop in that iteration, and leave what each of them read."""
    options = [f'train_dataloader.dataset.{o}' for o in ('broken=17', 'rank=1')]
    ranks = two_copies(tmp_path, '--cfg-options', *options, 'sharded=["backbone"]')
    for process in ranks:
        process.join(timeout=60)
    assert [process.exitcode for process in ranks] == [2, 2]
    (folder,) = tmp_path.glob('nonfinite_iter_*')
    found = [json.loads((folder / f'rank_{k}.json').read_text()) for k in range(2)]
    assert [len(of['wrong']) for of in found] == [0, 3]
    assert 17 in [sample['img_id'] for sample in found[1]['samples'][0]]
    state = load_file(folder / 'state.pth')
    assert all(v.isfinite().all() for v in state['state_dict'].values())
    assert max(losses_in(tmp_path), default=0) == state['meta']['iter']


@pytest.mark.slow
@pytest.mark.parametrize(
    ('harm', 'words'),
    [
        (('dataset.missing=17', 'dataset.rank=0'), '\nerror: vector 17 cannot be read'),
        (
            ('dataset.missing=17', 'dataset.rank=1'),
            '[process 1] error: vector 17 cannot be read',
        ),
        (
            ('dataset.deadly=17', 'dataset.rank=1', 'num_workers=1'),
            '[process 1] error: A process that reads data',
        ),
    ],
)
def test_one_process_fails(tmp_path, capfd, harm, words):
    """The training ends in seconds; the message of that process comes first."""
    options = [f'train_dataloader.{option}' for option in harm]
    started = time.monotonic()
    ranks = two_copies(tmp_path, '--cfg-options', *options)
    for process in ranks:
        process.join(timeout=60)
    assert time.monotonic() - started < 60
    assert all(process.exitcode for process in ranks)
    output = capfd.readouterr().err
    assert words in output
    other = output.find('Another process of this training has ended')
    assert other == -1 or output.index(words) < other
    assert 'This is a bug' not in output


@pytest.mark.slow
def test_sharded_training_is_the_same_training(tmp_path):
    """Losses, what is saved, and what is resumed are those of whole copies."""
    sharded = ('--cfg-options', 'sharded=["backbone"]')
    expected = train_whole(tmp_path / 'whole')
    parts = tmp_path / 'parts'
    losses = train_whole(parts, *sharded, 'default_hooks.checkpoint.max_keep_ckpts=2')
    assert losses == pytest.approx(expected, rel=1e-6)
    saved = [torch.load(tmp_path / f / 'iter_20.pth') for f in ('whole', 'parts')]
    for part in ('state_dict', 'optimizer'):
        torch.testing.assert_close(saved[1][part], saved[0][part])

    (parts / 'iter_20.pth').unlink()
    assert train_whole(parts, '--resume', *sharded) == pytest.approx(expected, rel=1e-6)
    resumed = torch.load(parts / 'iter_20.pth')
    torch.testing.assert_close(resumed['state_dict'], saved[0]['state_dict'])


def test_tools_test_errors_name_the_file(tmp_path):
    done = subprocess.run(
        [sys.executable, 'tools/train.py', str(tmp_path / 'none.py')],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert 'none.py' in done.stderr
    assert 'Traceback' not in done.stderr


@pytest.mark.parametrize('name', SCRIPTS)
def test_scripts_say_how_they_are_used(name):
    path = ROOT / 'tools' / name
    assert os.access(path, os.X_OK)
    done = subprocess.run([str(path)], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith('usage:')


def test_number_of_processes_is_checked():
    done = subprocess.run(
        [str(ROOT / 'tools/dist_train.sh'), 'c.py', 'many'],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert "got 'many'" in done.stderr


@pytest.mark.parametrize(
    ('script', 'rest', 'tail'),
    [
        (
            'slurm_train.sh',
            ['c.py', 'my dir', '--amp'],
            ['c.py', '--work-dir', 'my dir', '--launcher', 'slurm', '--amp'],
        ),
        ('slurm_test.sh', ['c.py', 'x.pth'], ['c.py', 'x.pth', '--launcher', 'slurm']),
    ],
    ids=['train', 'test'],
)
@pytest.mark.parametrize('gpus_per_node', ['4', '0'])
def test_slurm_scripts_call_srun(tmp_path, script, rest, tail, gpus_per_node):
    srun = tmp_path / 'srun'
    srun.write_text('#!/bin/sh\nfor a in "$@"; do echo "$a"; done\n')
    srun.chmod(0o755)
    env = {**environment(), 'PATH': f'{tmp_path}:{os.environ["PATH"]}'}
    env.update(GPUS='8', GPUS_PER_NODE=gpus_per_node, SRUN_ARGS='--time 10')
    done = subprocess.run(
        [str(ROOT / 'tools' / script), 'part', 'job', *rest],
        env=env,
        capture_output=True,
        text=True,
        check=True,
    )
    arguments = done.stdout.splitlines()
    assert arguments[-len(tail) :] == tail
    assert ('gpu:4' in arguments) == (gpus_per_node == '4')
    assert arguments[arguments.index('--ntasks') + 1] == '8'
    assert arguments[arguments.index('--time') + 1] == '10'


def test_torchrun_gets_the_nodes(tmp_path):
    python = tmp_path / 'python'
    python.write_text('#!/bin/sh\nfor a in "$@"; do echo "$a"; done\n')
    python.chmod(0o755)
    env = {**environment(), 'PYTHON': str(python), 'NNODES': '2', 'NODE_RANK': '1'}
    env.update(MASTER_ADDR='10.0.0.1', PORT='1234')
    done = subprocess.run(
        [str(ROOT / 'tools/dist_test.sh'), 'c.py', 'x.pth', '3', '--out', 'a b.pkl'],
        env=env,
        capture_output=True,
        text=True,
        check=True,
    )
    given = done.stdout.splitlines()
    pairs = dict(zip(given[2:], given[3:]))
    assert pairs['--nnodes'] == '2'
    assert pairs['--node-rank'] == '1'
    assert pairs['--master-addr'] == '10.0.0.1'
    assert pairs['--master-port'] == '1234'
    assert pairs['--nproc-per-node'] == '3'
    tail = ['c.py', 'x.pth', '--launcher', 'pytorch', '--out', 'a b.pkl']
    assert given[-len(tail) :] == tail
