"""A checkpoint is resumed by the run it is of."""

from __future__ import annotations

import pytest
import torch

from uninext.checkpoint import load_file
from uninext.engine.run_identity import META_KEY
from uninext.utils.files import FileError

FIRST = {'train_cfg.max_iters': 10}


@pytest.fixture
def saved(make_runner, tmp_path):
    make_runner(**FIRST).train()
    return tmp_path / 'iter_10.pth'


@pytest.mark.parametrize(
    ('name', 'options', 'words'),
    [
        ('seed', {'randomness.seed': 4}, '3 when it was saved, 4 now'),
        (
            'batches',
            {'train_dataloader.batch_size': 4},
            r"\{'toy': \[2\]\} when it was saved, \{'toy': \[4\]\} now",
        ),
    ],
)
def test_another_run_is_refused_or_told(make_runner, saved, name, options, words):
    options = {'resume': 'auto', **options}
    with pytest.raises(FileError, match=rf'iter_10.*{words}.*{name}'):
        make_runner(**options).train()
    runner = make_runner(**options, resume_allow=[name])
    runner.train()
    assert runner.iter == 20


def test_another_number_of_processes(make_runner, saved, monkeypatch):
    runner = make_runner(resume='auto')
    monkeypatch.setattr(type(runner), 'world_size', 2)
    with pytest.raises(FileError, match='processes: 1 when it was saved, 2 now'):
        runner.train()


def test_workers_and_length_may_differ(make_runner, saved):
    options = {'train_cfg.max_iters': 15, 'train_dataloader.num_workers': 1}
    runner = make_runner(resume='auto', **options)
    runner.train()
    assert runner.iter == 15


def test_older_checkpoints_are_not_compared(make_runner, saved):
    content = load_file(saved)
    del content['meta'][META_KEY]
    torch.save(content, saved)
    make_runner(resume='auto', **{'randomness.seed': 4}).train()


def test_what_may_not_be_allowed(make_runner, saved):
    with pytest.raises(ValueError, match="resume_allow names .'weather'.; .*'batches'"):
        make_runner(resume='auto', resume_allow=['weather']).train()
