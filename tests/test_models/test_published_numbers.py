"""Numbers of the published networks are the defaults: what a config leaves out counts.

Paper: arXiv 2303.06674. Where its configs say a number, the two have to agree; the
others are written here.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from mmengine.config import Config

from helpers.tools import ROOT
from uninext.models.backbones import uninext_vit
from uninext.models.data_preprocessors import UninextDataPreprocessor
from uninext.models.detectors import UNINEXT, UNINEXTVideo
from uninext.models.heads import retrieval
from uninext.models.heads.matched_pairs import MatchedPairs
from uninext.models.heads.retrieval import RetrievalBranch
from uninext.models.losses import color_similarity
from uninext.models.losses.box_supervised_mask_loss import fill_boxes
from uninext.models.predictors import InstancePredictor
from uninext.models.predictors.mask_resizing import binary_masks, probability_masks
from uninext.models.predictors.row_outputs import RowOutputs, boxes_to_pixels
from uninext.models.prompt_generators import bert, language_prompt_generator
from uninext.models.speed_options import SpeedOptions
from uninext.models.task_modules import (
    assignment,
    prompt_hungarian_assigner,
    prompt_sim_ota_assigner,
)
from uninext.models.task_modules.assignment import PaddedObjects, PromptAssignment
from uninext.models.task_modules.prompt_denoising import DenoisingQueries
from uninext.models.trackers import (
    CategoryTracker,
    PromptState,
    VideoFrame,
    video_instance_tracker,
)
from uninext.models.trackers import prompt_quasi_dense_tracker as quasi_dense
from uninext.models.trackers.base import IdCounter, Tracker
from uninext.models.trackers.template_update import TemplateUpdate
from uninext.models.transformer.decoder import BoxGuidedDecoderLayers
from uninext.models.transformer.feature_pyramid import FeaturePyramid
from uninext.registry import MODELS, TASK_UTILS

CONFIGS = ['uninext_r50', 'uninext_r50_video', 'vis_tracker', 'masks_from_boxes']
# Given again where a part is used otherwise than where it is used first.
OTHERWISE = {
    ('BinaryFocalLoss', 'mean_pixels'): True,  # of masks
    ('PromptSimOTAAssigner', 'candidate_topk'): 100,  # of candidates to compare with
    ('ContrastiveEmbedLoss', 'loss_weight'): 2.0,
    ('CosineEmbedLoss', 'loss_weight'): 3.0,
    ('LanguagePromptGenerator', 'frozen'): True,  # in stage 3
    ('LanguagePromptGenerator', 'dropout_when_frozen'): True,
}
UNSAID = {
    'UNINEXT': dict(num_levels=4),
    'UninextDataPreprocessor': dict(with_color_similarity=False, pad_mask=True),
    'LanguagePromptGenerator': dict(
        frozen=False, dropout_when_frozen=False, with_cp=False
    ),
    'DeformableEncoder': dict(num_levels=4),
    'DeformableDecoder': dict(num_levels=4),
    'BinaryFocalLoss': dict(mean_pixels=False),
    'PromptSimOTAAssigner': dict(candidate_topk=10),
    'PromptMaskHead': dict(
        mask_channels=8,
        refine_channels=64,
        pairwise_warmup=10000,
        max_box_supervised=64,
    ),
    'PairwiseAffinityLoss': dict(color_threshold=0.3),
    'CosineEmbedLoss': dict(max_negatives_per_positive=10),
    'PromptQuasiDenseTracker': dict(
        match_score_thr=0.5,
        keep_lost=10,
        memo_backdrop_frames=1,
        memo_momentum=1.0,
        nms_class_iou_thr=0.7,
        with_cats=True,
    ),
    'ExpressionTracker': dict(with_iou=True, score_threshold=0.0, with_masks=True),
    'TemplateTracker': dict(
        with_iou=True, template_size=256, with_masks=True, shown_mask='exact'
    ),
    'VideoInstanceTracker': dict(with_frame_weight=True, with_temporal_weight=True),
    'UninextViT': dict(
        embed_dims=1280,
        num_layers=32,
        num_heads=16,
        window_size=14,
        window_blocks=(0, 1, 3, 4, 6, 7, 9, 10),
        drop_path_rate=0.5,
    ),
}


def defaults(name: str) -> dict[str, Any]:
    part = MODELS.get(name) or TASK_UTILS.get(name)
    if part is None or not part.__module__.startswith('uninext'):
        return {}
    parameters = inspect.signature(part).parameters.values()
    return {p.name: p.default for p in parameters if p.default is not p.empty}


def parts_of(config: Any) -> Iterator[dict[str, Any]]:
    if isinstance(config, dict):
        yield from [config] if 'type' in config else []
        for value in config.values():
            yield from parts_of(value)


@pytest.mark.parametrize('name', CONFIGS)
def test_defaults_are_what_published_configs_say(name: str):
    config = Config.fromfile(ROOT / f'configs/_base_/models/{name}.py')
    compared = 0
    for part in parts_of(config.to_dict()):
        for key, default in defaults(part['type']).items():
            said = part.get(key)
            if said is None or default is None:  # no default, or none that is a number
                continue
            known = {default, OTHERWISE.get((part['type'], key), default)}
            assert said in known, f'{part["type"]}({key})'
            compared += 1
    assert compared > 1


FURTHER = {
    RetrievalBranch: dict(embed_dims=256, prompt_dims=768),
    BoxGuidedDecoderLayers: dict(num_layers=6, embed_dims=256, num_heads=8)
    | dict(num_levels=4, num_points=4, feedforward_channels=2048, dropout=0.0),
    CategoryTracker: dict(select_score_thr=0.1, nms_iou_threshold=0.7)
    | dict(with_iou=False, with_masks=True),
    Tracker: dict(with_masks=True),
    TemplateUpdate: dict(min_score=0.7),
    IdCounter: dict(next_id=0),
    IdCounter.take: dict(count=1),
    PromptState: dict(track_id=-1),
    VideoFrame: dict(pad_divisor=1),
    RowOutputs: dict(label_offset=0, pooled=False),
    FeaturePyramid: dict(is_padded=True),
    FeaturePyramid.from_levels: dict(is_padded=True),
    InstancePredictor: dict(with_iou=True, nms_iou_threshold=0.7, max_per_img=100)
    | dict(max_per_expression=1, score_threshold=0.0, mask_threshold=0.5)
    | dict(with_masks=True),
    InstancePredictor.select: dict(score_thr=0.0),
    UNINEXT.predict: dict(rescale=True, score_thr=0.0),
    UNINEXT.find: dict(with_masks=True, with_embeds=False),
    UNINEXTVideo.open: dict(scale=(1333, 800)),
    UninextDataPreprocessor.forward: dict(training=False),
    binary_masks: dict(threshold=0.0),
    probability_masks: dict(mode='bilinear'),
    boxes_to_pixels: dict(clip=True),
    fill_boxes: dict(stride=4),
    color_similarity: dict(stride=4),
}


@pytest.mark.parametrize('part', FURTHER, ids=lambda part: part.__qualname__)
def test_defaults_of_what_configs_do_not_build(part: Callable):
    parameters = inspect.signature(part).parameters
    found = {name: parameters[name].default for name in FURTHER[part]}
    assert found == FURTHER[part]


def test_values_do_not_change():
    for value in (MatchedPairs, DenoisingQueries, PromptAssignment, PaddedObjects):
        assert value.__dataclass_params__.frozen
    assert language_prompt_generator._Layout.__dataclass_params__.frozen
    for value in (SpeedOptions, bert.BertConfig):
        assert value.__dataclass_params__.frozen
        assert value() == value()


@pytest.mark.parametrize('name', UNSAID)
def test_defaults_that_no_config_says(name: str):
    assert UNSAID[name].items() <= defaults(name).items()


def test_bert_is_bert_base():
    """Of the paper's table 1 (arXiv 1810.04805) and its ``bert_config.json``."""
    expected = dict(
        vocab_size=30522,
        hidden_size=768,
        num_hidden_layers=12,
        num_attention_heads=12,
        intermediate_size=3072,
        hidden_dropout_prob=0.1,
        attention_probs_dropout_prob=0.1,
        max_position_embeddings=512,
        type_vocab_size=2,
        initializer_range=0.02,
        layer_norm_eps=1e-12,
        pad_token_id=0,
    )
    assert expected.items() <= vars(bert.BertConfig()).items()
    base = language_prompt_generator.BERT_BASE
    assert {**expected, 'model_type': 'bert'}.items() >= base.items()


def test_constants_of_the_published_code():
    assert (uninext_vit.PATCH_SIZE, uninext_vit.MLP_RATIO) == (16, 4)
    assert (uninext_vit.PRETRAIN_SIDE, uninext_vit.GLOBAL_SIDE) == (14, 64)
    assert uninext_vit.NORM_EPS == 1e-6
    assert pytest.approx(math.log(0.01 / 0.99)) == retrieval.PRIOR_LOGIT
    assert retrieval.MAX_LOGIT == 50000
    assert fill_boxes.__defaults__[-1] == 4
    # Focal cost, and Hungarian costs of DETR and Deformable DETR.
    assert (assignment._ALPHA, assignment._GAMMA) == (0.25, 2)
    costs = prompt_hungarian_assigner
    assert (costs._CLS_WEIGHT, costs._L1_WEIGHT, costs._GIOU_WEIGHT) == (2, 5, 2)
    costs = prompt_sim_ota_assigner
    assert (costs._CENTER_RADIUS, costs._GIOU_WEIGHT) == (2.5 / 32, 3)
    assert costs._OFF_CENTER_COST == 100
    assert (costs._BACKGROUND_COST, costs._USED_COST) == (1e4, 1e5)
    assert (quasi_dense.NMS_CONF_THR, quasi_dense.NMS_BACKDROP_IOU_THR) == (0.5, 0.3)
    assert video_instance_tracker.FRAME_WEIGHT_THR == 0.5
    rules = video_instance_tracker
    assert (rules.FILTER_FROM_FRAME, rules.FILTER_GAP) == (9, 2)
    assert rules.MIN_VALID_FRAMES == 3
