"""docs/how_to/add_dataset.md, typed literally where there is no data at all."""

from __future__ import annotations

import importlib
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from doc_blocks import ROOT, Block, blocks_of
from doc_commands import arguments_of, commands_of, entry_of
from mmengine.config import Config
from mmengine.structures import InstanceData

from uninext.registry import DATASETS, METRICS

PAGE = 'docs/how_to/add_dataset.md'


@pytest.fixture
def empty_folder(tmp_path: Path, monkeypatch) -> Iterator[Path]:
    """A clone in which nothing was generated or downloaded, and where we stand."""
    for name in ('tools', 'uninext'):
        (tmp_path / name).symlink_to(ROOT / name)
    shutil.copytree(ROOT / 'configs', tmp_path / 'configs')
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    forget_the_project()
    yield tmp_path
    forget_the_project()


def forget_the_project() -> None:
    """Other tests type the page in another folder."""
    for name in [m for m in sys.modules if m.split('.')[0] == 'my_project']:
        del sys.modules[name]
    DATASETS.module_dict.pop('CsvBoxesDataset', None)
    importlib.invalidate_caches()


def type_in(block: Block, names: dict) -> None:
    """Do with a block what a reader does."""
    code = block.tested_code()
    if block.file_name:
        path = Path(block.file_name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(code)
    elif block.language == 'python':
        exec(compile(code, str(block), 'exec'), names)
    elif block.language == 'bash':
        for words in commands_of(code):
            assert not entry_of(words)(arguments_of(words)), words


def test_page_works_in_an_empty_folder(empty_folder, capsys):
    names: dict = {'__name__': PAGE}
    for block in blocks_of(PAGE):
        assert block.not_run is None
        type_in(block, names)
    said = capsys.readouterr().out
    assert '1 videos with 4 frames; 1 objects with 3 boxes' in said
    assert list((empty_folder / 'seen').rglob('*.jpg'))
    assert not (empty_folder / 'data/tiny').exists()

    config = Config.fromfile('configs/uninext/stage1_csv.py')
    assert config.test_dataloader.dataset == config.val_dataloader.dataset
    dataset = DATASETS.build(config.val_dataloader.dataset)
    metric = METRICS.build(config.val_evaluator)
    metric.dataset_meta = dataset.metainfo
    for index in range(len(dataset)):
        sample = dataset[index]['data_samples']
        truth = sample.instances
        sample.pred_instances = InstanceData(
            bboxes=torch.tensor([i['bbox'] for i in truth]),
            labels=torch.tensor([i['bbox_label'] for i in truth]),
            scores=torch.ones(len(truth)),
        )
        metric.process({}, [sample.to_dict()])
    assert metric.evaluate(len(dataset))['coco/bbox_mAP'] == pytest.approx(1)
