"""docs/how_to/add_dataset.md, typed literally where there is no data at all."""

from __future__ import annotations

import pytest
import torch
from mmengine.config import Config
from mmengine.structures import InstanceData

from helpers.doc_blocks import blocks_of
from helpers.doc_commands import type_in
from uninext.registry import DATASETS, METRICS

PAGE = 'docs/how_to/add_dataset.md'


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
        ground_truth = sample.instances
        sample.pred_instances = InstanceData(
            bboxes=torch.tensor([i['bbox'] for i in ground_truth]),
            labels=torch.tensor([i['bbox_label'] for i in ground_truth]),
            scores=torch.ones(len(ground_truth)),
        )
        metric.process({}, [sample.to_dict()])
    assert metric.evaluate(len(dataset))['coco/bbox_mAP'] == pytest.approx(1)
