"""The last number that an argument may be, and the first that it may not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from uninext.models.data_preprocessors import UninextDataPreprocessor
from uninext.models.necks import BiDirectionalFusion
from uninext.models.predictors import InstancePredictor
from uninext.models.prompt_generators import LanguagePromptGenerator
from uninext.models.speed_options import SpeedOptions
from uninext.models.task_modules import PromptDenoising, PromptSimOTAAssigner
from uninext.models.trackers import (
    ConfidentTemplateUpdate,
    PeriodicTemplateUpdate,
    PromptQuasiDenseTracker,
    VideoInstanceTracker,
    VideoSession,
)

BERT = dict(hidden_size=8, num_hidden_layers=1, num_attention_heads=2)
BERT |= dict(model_type='bert', intermediate_size=8, max_position_embeddings=16)


def fusion(**kwargs: Any) -> BiDirectionalFusion:
    return BiDirectionalFusion(4, 4, 8, num_heads=2, **kwargs)


def generator(**kwargs: Any) -> LanguagePromptGenerator:
    return LanguagePromptGenerator(BERT, **{'max_tokens': 8, **kwargs})


def denoising(**kwargs: Any) -> PromptDenoising:
    return PromptDenoising(4, 4, **kwargs)


def session(**kwargs: Any) -> VideoSession:
    return VideoSession(None, {}, **kwargs)


LIMITS = [
    (UninextDataPreprocessor, 'pad_size_divisor', 1, 0),
    (UninextDataPreprocessor, 'test_pad_size_divisor', 1, 0),
    (fusion, 'dropout', 0, -0.01),
    (fusion, 'dropout', 0.99, 1),
    (generator, 'max_tokens', 3, 2),
    (generator, 'max_tokens', 16, 17),
    (generator, 'cache_size', 0, -1),
    (denoising, 'num_dn_queries', 1, 0),
    (denoising, 'box_noise_scale', 0, -0.01),
    (PromptSimOTAAssigner, 'candidate_topk', 1, 0),
    (InstancePredictor, 'mask_threshold', 0.01, 0),
    (InstancePredictor, 'mask_threshold', 0.99, 1),
    (SpeedOptions, 'num_queries', 1, 0),
    (PromptQuasiDenseTracker, 'memo_momentum', 0, -0.01),
    (PromptQuasiDenseTracker, 'memo_momentum', 1, 1.01),
    (PromptQuasiDenseTracker, 'keep_lost', 1, 0),
    (PromptQuasiDenseTracker, 'memo_backdrop_frames', 0, -1),
    (VideoInstanceTracker, 'keep_lost', 1, 0),
    (VideoInstanceTracker, 'max_objects', 1, 0),
    (VideoInstanceTracker, 'memory_len', 1, 0),
    (ConfidentTemplateUpdate, 'min_score', 0, -0.01),
    (ConfidentTemplateUpdate, 'min_score', 1, 1.01),
    (PeriodicTemplateUpdate, 'interval', 1, 0),
    (session, 'max_rows', 1, 0),
]


@pytest.mark.parametrize(('part', 'argument', 'last', 'first'), LIMITS)
def test_limits(part: Callable, argument: str, last: float, first: float):
    part(**{argument: last})
    with pytest.raises(ValueError, match=argument):
        part(**{argument: first})
