"""A network of 20 weights and the data for it, so that the engine can be run whole."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator

import numpy as np
import torch
from mmengine.dist import get_rank
from mmengine.evaluator import BaseMetric
from mmengine.model import BaseModel
from mmengine.structures import BaseDataElement
from torch import nn
from torch.utils.data import Dataset

from uninext.registry import DATA_SAMPLERS, DATASETS, METRICS, MODELS
from uninext.utils.files import FileError

SOURCES = ('coco', 'refcoco')


@DATASETS.register_module()
class ToyDataset(Dataset):
    """64 vectors of 4 numbers from two sources."""

    metainfo = dict(classes=('thing',))

    def __init__(
        self,
        seconds: float = 0.0,
        broken: int = -1,
        missing: int = -1,
        deadly: int = -1,
        rank: int = 0,
    ) -> None:
        """In the process ``rank`` three vectors do harm.

        ``broken`` holds no numbers, ``missing`` cannot be read, ``deadly`` kills the
        process that reads it.
        """
        self.seconds = seconds
        self.harmful = (missing, deadly) if get_rank() == rank else (-1, -1)
        self.vectors = torch.arange(256, dtype=torch.float).reshape(64, 4) / 256
        if broken >= 0 and get_rank() == rank:
            self.vectors[broken] = torch.nan
        self.read: list[int] = []

    def __len__(self) -> int:
        return 64

    def __getitem__(self, index: int) -> dict:
        self.read.append(index)
        if index in self.harmful:
            if index == self.harmful[1]:
                os.kill(os.getpid(), signal.SIGKILL)
            raise FileError(f'vector {index} cannot be read')
        time.sleep(self.seconds)
        sample = BaseDataElement(
            metainfo=dict(source=SOURCES[index // 32], img_id=index)
        )
        return dict(inputs=self.vectors[index], data_samples=sample)


@DATA_SAMPLERS.register_module()
class ToyBatchSampler:
    """Endless batches, each of one source; keeps the contract ``skip(num_batches)``."""

    def __init__(self, sampler: object, batch_size: int) -> None:
        self.sampler, self.batch_size, self.start = sampler, batch_size, 0

    def __len__(self) -> int:
        return 10**6

    def describe(self) -> dict:
        return {'toy': [self.batch_size]}

    def skip(self, num_batches: int) -> None:
        self.start = num_batches

    def __iter__(self) -> Iterator[list[int]]:
        number = self.start
        while True:
            rng = np.random.default_rng(number)
            low = 32 * int(rng.integers(2))
            yield [int(i) for i in rng.integers(low, low + 32, self.batch_size)]
            number += 1


@MODELS.register_module()
class ToyNet(BaseModel):
    """Linear and dropout; losses are named as those of a decoder are."""

    def __init__(self, width: int = 4) -> None:
        super().__init__()
        self.backbone = nn.Linear(4, width)
        self.dropout = nn.Dropout(0.5)

    def forward(
        self, inputs: list, data_samples: list | None = None, mode: str = 'tensor'
    ) -> object:
        out = self.dropout(self.backbone(torch.stack(inputs)))
        if mode != 'loss':
            return data_samples
        loss = (out - 1).square().mean()
        return {'loss_fit': loss, 'loss_fit_0': loss / 2, 'loss_fit_dn': loss / 4}


@METRICS.register_module()
class ToyMetric(BaseMetric):
    """Counts samples by source."""

    def process(self, data_batch: object, data_samples: list) -> None:
        self.results += [sample['source'] for sample in data_samples]

    def compute_metrics(self, results: list) -> dict[str, float]:
        return {source: float(results.count(source)) for source in SOURCES}
