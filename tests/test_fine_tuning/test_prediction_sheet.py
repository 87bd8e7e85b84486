from __future__ import annotations

from pathlib import Path

import mmcv
import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData
from torch import nn

from uninext.fine_tuning.report import draw_predictions
from uninext.structures import Prompt, UninextDataSample


class OneBoxModel(nn.Module):
    """Finds one box in every image."""

    def test_step(self, data: dict) -> list[UninextDataSample]:
        (sample,) = data['data_samples']
        sample.pred_instances = InstanceData(
            bboxes=torch.tensor([[4.0, 4, 20, 20]]),
            scores=torch.tensor([0.9]),
            labels=torch.tensor([0]),
        )
        return [sample]


class Images:
    metainfo = dict(classes=('object',))

    def __init__(self, folder: Path, count: int, expression: str | None = None) -> None:
        self.paths = [str(folder / f'{i}.png') for i in range(count)]
        self.expression = expression
        for i, path in enumerate(self.paths):
            mmcv.imwrite(np.full((32, 40, 3), 20 * i, np.uint8), path)

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> dict:
        meta = dict(img_path=self.paths[index], img_id=index)
        sample = UninextDataSample(metainfo=meta)
        if self.expression:
            sample.prompt = Prompt.from_expression(self.expression)
        else:
            sample.prompt = Prompt.from_categories(['object'])
        return dict(inputs=torch.zeros(3, 32, 40), data_samples=sample)


def test_empty_datasets_are_an_error(tmp_path: Path):
    with pytest.raises(ValueError, match='no sample to draw'):
        draw_predictions(OneBoxModel(), [Images(tmp_path, 0)], tmp_path / 'out')


def test_an_image_of_each_sample_and_a_sheet_of_all(tmp_path: Path):
    datasets = [Images(tmp_path, 5), Images(tmp_path, 1, 'the dark one')]
    sheet = draw_predictions(OneBoxModel(), datasets, tmp_path / 'out', 3)
    names = sorted(path.name for path in (tmp_path / 'out').iterdir())
    assert names == [
        '0_000_0.png',
        '0_001_2.png',
        '0_002_4.png',
        '1_003_0_0_the-dark-one.png',
        'contact_sheet.png',
    ]
    assert mmcv.imread(str(sheet)).any()
