"""Defaults of the training data are those of the published training."""

from __future__ import annotations

import inspect

import pytest

from uninext.datasets import SingleObjectDataset
from uninext.datasets.detection import PromptCocoDataset
from uninext.datasets.index_file import SampleIndex
from uninext.datasets.multi_task_dataset import Source
from uninext.datasets.referring import ReferringDataset
from uninext.datasets.referring_video import ReferringVideoDataset
from uninext.datasets.samplers import multi_task_batch_sampler
from uninext.datasets.sampling_table import SamplingTable
from uninext.datasets.transforms import (
    ForEachFrame,
    LoadPromptAnnotations,
    SampleCategoryPrompt,
    SampleFramePair,
    TemplatePrompt,
)
from uninext.datasets.transforms import prompting as prompting_module
from uninext.datasets.video_annotation import VideoAnnotation
from uninext.structures import Template

EXPECTED = {
    # 256 tokens with [CLS] and [SEP], 85 negatives: MDETR's and GLIP's, as published.
    SampleCategoryPrompt: dict(max_tokens=256, max_negatives=85, with_background=True),
    SampleFramePair: dict(frame_range=10),
    TemplatePrompt: dict(context=2.0, size=256),
    Template.from_frame: dict(context=2.0, size=256, pad_divisor=1),
    ForEachFrame: dict(share_random_params=False),
    LoadPromptAnnotations: dict(with_mask=False),
    Source: dict(ratio=1.0, class_aware=False),
    SingleObjectDataset: dict(target='box'),
}


@pytest.mark.parametrize('part', EXPECTED, ids=lambda part: part.__qualname__)
def test_defaults(part):
    parameters = inspect.signature(part).parameters
    found = {name: parameters[name].default for name in EXPECTED[part]}
    assert found == EXPECTED[part]


def test_what_is_asked_for_has_a_class_or_none():
    agnostic = (ReferringDataset, ReferringVideoDataset, SingleObjectDataset)
    assert all(dataset.CLASS_AGNOSTIC for dataset in agnostic)
    assert not PromptCocoDataset.CLASS_AGNOSTIC


def test_values_do_not_change():
    for value in (Source, SampleIndex, SamplingTable, VideoAnnotation):
        assert value.__dataclass_params__.frozen
    assert not VideoAnnotation.__dataclass_params__.eq, 'arrays have no one answer'


def test_constants():
    assert prompting_module.NUM_SPECIAL_TOKENS == 2  # [CLS] and [SEP]
    # Landscape or portrait, with masks or without.
    assert multi_task_batch_sampler.NUM_GROUPS == 4
