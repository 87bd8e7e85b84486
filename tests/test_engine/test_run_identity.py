"""A checkpoint is resumed by the run it is of."""

from __future__ import annotations

import pytest
import torch

from helpers.engine_toy import ToyDataset
from uninext.checkpoint import load_file
from uninext.engine.run_identity import META_KEY, files_of
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


class Part:
    def __init__(self, ann_file):
        self.ann_file = ann_file


@pytest.mark.parametrize('place', [0, 10**6, -1])
def test_digests_are_of_names_sizes_and_content(tmp_path, place):
    path = tmp_path / 'a.json'
    path.write_bytes(bytes(2 * 10**6))
    first = files_of(Part(str(path)))
    assert list(first) == ['a.json']
    (tmp_path / 'moved').mkdir()
    moved = path.rename(tmp_path / 'moved/a.json')
    assert files_of(Part(str(moved))) == first
    content = bytearray(2 * 10**6)
    content[place] = 1
    path.write_bytes(content)
    assert files_of(Part(str(path))) != first
    path.write_bytes(bytes(2 * 10**6 + 1))
    assert files_of(Part(str(path))) != first


def test_no_file_to_compare(tmp_path):
    assert files_of(Part('')) == files_of([1, 2]) == files_of(Part(None)) == {}
    assert files_of(Part(str(tmp_path / 'none.json'))) == {}


def test_annotations_that_were_replaced(make_runner, tmp_path, monkeypatch):
    """While it trains, or after: what counts is what was read at the start."""
    path = tmp_path / 'a.json'
    path.write_text('[1]')
    monkeypatch.setattr(ToyDataset, 'ann_file', str(path), raising=False)
    runner = make_runner(**FIRST)
    runner.prepare_training()
    runner.load_or_resume()
    path.write_text('[2]')
    runner.train()
    options = {'resume': 'auto', 'train_cfg.max_iters': 12}
    with pytest.raises(FileError, match=r"annotation files: \{'a.json'.*'files'"):
        make_runner(**options).train()
    path.write_text('[1]')
    make_runner(**options).train()


def test_what_may_not_be_allowed(make_runner, saved):
    with pytest.raises(ValueError, match="resume_allow names .'weather'.; .*'batches'"):
        make_runner(resume='auto', resume_allow=['weather']).train()
