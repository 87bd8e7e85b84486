"""The config of a fine-tuning: what it says, what it inherits, what it trains."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from mmengine.config import Config

from uninext.engine import freeze_parameters
from uninext.fine_tuning import (
    FineTuning,
    StartModel,
    config_text,
    default_iters,
    find_start,
    read_own_data,
)
from uninext.fine_tuning.config import near_path, short_schedule
from uninext.fine_tuning.plan import FREEZE
from uninext.fine_tuning.report import metrics_table
from uninext.formats.json_file import write_text
from uninext.registry import MODELS

CONFIGS = Path(__file__).parents[2] / 'configs/uninext'


@pytest.fixture(scope='module')
def starts() -> dict[str, StartModel]:
    def start(name: str) -> StartModel:
        cfg = Config.fromfile(CONFIGS / f'{name}.py')
        return StartModel(cfg, Path('weights.pth'), has_text_encoder=True)

    return {
        'image': start('stage2_image_shapes'),
        'video': start('stage3_video_shapes'),
        'boxes': start('stage1_pretrain_shapes'),
    }


@pytest.fixture
def parts(images: Path, videos: Path, tmp_path: Path) -> Callable[..., list]:
    """Parts of the files that are named."""
    folders = {
        'categories': (images / 'annotations/instances_train.json', images / 'train'),
        'expressions': (images / 'annotations/refs_train.json', images / 'train'),
        'video_categories': (videos / 'vis_train.json', videos / 'videos/train'),
        'video_expressions': (videos / 'refs_train.json', videos / 'videos/train'),
    }

    def read(*kinds: str, edit: Callable[[dict], Any] | None = None) -> list:
        files, prefixes = zip(*(folders[kind] for kind in kinds))
        if edit is not None:
            content = json.loads(files[0].read_text())
            edit(content)
            changed = tmp_path / 'changed.json'
            changed.write_text(json.dumps(content))
            files = (changed, *files[1:])
        split = tmp_path / 'data'
        return read_own_data(files, prefixes, split_dir=split, val_fraction=0.4)

    return read


def loaded(plan: FineTuning) -> Config:
    path = plan.work_dir / 'config.py'
    write_text([config_text(plan)], path)
    return Config.fromfile(path)


def without_masks(content: dict) -> None:
    for annotation in content['annotations']:
        annotation.pop('segmentation', None)
        annotation.pop('segmentations', None)


@pytest.mark.parametrize(
    ('option', 'value', 'message'),
    [
        ('num_iters', 0, '--iters must be more than 0, got 0'),
        ('batch_size', -1, '--batch-size'),
        ('lr', 0.0, '--lr'),
        ('freeze', 'head', '--freeze must be one of none, backbone, all-but-heads'),
    ],
)
def test_what_cannot_be_meant_is_refused(starts, option, value, message, tmp_path):
    settings = {'num_iters': 1, option: value}
    with pytest.raises(ValueError, match=message):
        FineTuning(starts['image'], [], tmp_path, **settings)


def test_the_config_inherits_and_points_at_the_data(starts, parts, tmp_path):
    own = parts('categories')
    plan = FineTuning(starts['image'], own, tmp_path, 40, batch_size=3, lr=1e-5)
    cfg, base = loaded(plan), starts['image'].config
    (source,) = cfg.train_dataloader.dataset.sources
    assert source.dataset.ann_file == near_path(own[0].train.ann_file)
    assert (
        source.dataset.pipeline
        == base.train_dataloader.dataset.sources[0].dataset.pipeline
    )
    assert (source.batch_size, cfg.train_dataloader.batch_size) == (3, 3)
    assert cfg.train_dataloader.batch_sampler == base.train_dataloader.batch_sampler
    assert cfg.optim_wrapper.optimizer == dict(base.optim_wrapper.optimizer, lr=1e-5)
    assert cfg.train_cfg.max_iters == 40
    assert cfg.val_cfg is None and cfg.val_dataloader is None
    assert cfg.test_evaluator == dict(
        type='CocoMetric',
        ann_file=near_path(own[0].val.ann_file),
        metric=['bbox', 'segm'],
    )
    assert cfg.test_dataloader.dataset.pipeline[1].scale == (320, 240)
    assert 'data/shapes' not in str(cfg.train_dataloader)
    assert 'data/shapes' not in str(cfg.test_dataloader)
    assert cfg.work_dir == str(tmp_path)
    model = {
        k: v for k, v in cfg.model.items() if k not in ('backbone', 'prompt_generator')
    }
    assert model == {k: base.model[k] for k in model}
    assert 'frozen' not in cfg
    assert '--resume' in (tmp_path / 'config.py').read_text()


def test_images_without_an_object_teach_absence(starts, parts, tmp_path):
    def edit(content: dict) -> None:
        shown = content['annotations'][0]['image_id']
        content['annotations'] = [
            a for a in content['annotations'] if a['image_id'] != shown
        ]

    for own, is_empty in (
        (parts('categories'), False),
        (parts('categories', edit=edit), True),
    ):
        cfg = loaded(FineTuning(starts['image'], own, tmp_path, 40))
        (source,) = cfg.train_dataloader.dataset.sources
        assert source.dataset.filter_cfg == dict(filter_empty_gt=not is_empty)
        assert cfg.model.bbox_head.get('learn_absence', False) == is_empty


def test_names_and_expressions_are_evaluated_together(starts, parts, tmp_path):
    cfg = loaded(
        FineTuning(starts['image'], parts('categories', 'expressions'), tmp_path, 4)
    )
    sources = cfg.train_dataloader.dataset.sources
    assert [s.dataset.type for s in sources] == [
        'PromptCocoDataset',
        'ReferringDataset',
    ]
    assert [t.type for t in sources[1].dataset.pipeline if 'Sample' in t.type] == [
        'SampleExpressionPrompt'
    ]
    assert cfg.test_evaluator.dataset_prefixes == ['categories', 'expressions']
    assert len(cfg.test_dataloader.dataset.datasets) == 2
    plan = FineTuning(starts['image'], parts('expressions'), tmp_path, 4)
    for given, expected in ((2, 2), (999, plan.parts[0].val.num_expressions)):
        cfg = loaded(replace(plan, val_expressions=given))
        assert cfg.test_dataloader.dataset.indices == expected


@pytest.mark.parametrize(
    ('kind', 'metric'),
    [
        ('video_categories', 'TrackingMetric'),
        ('video_expressions', 'ReferringVOSMetric'),
    ],
)
def test_videos_are_evaluated_by_their_loop(starts, parts, tmp_path, kind, metric):
    cfg = loaded(FineTuning(starts['video'], parts(kind), tmp_path, 4))
    assert cfg.test_cfg == dict(type='VideoTestLoop')
    assert cfg.test_evaluator.type == metric
    assert cfg.test_dataloader.sampler.type == 'WholeVideoSampler'
    assert cfg.get('val_cfg') is None


@pytest.mark.parametrize(
    ('kind', 'scale'), [('video_categories', (48, 40)), ('video_expressions', (40, 32))]
)
def test_videos_are_evaluated_at_the_size_of_their_prompts(
    starts, parts, tmp_path, kind, scale
):
    config = copy.deepcopy(starts['video'].config)
    sizes = dict(category=(48, 40), expression=(40, 32), box=(64, 48), mask=(64, 48))
    config.inference_scale = dict(image=(64, 48), video=sizes)
    start = replace(starts['video'], config=config)
    cfg = loaded(FineTuning(start, parts(kind), tmp_path, 4))
    assert cfg.test_dataloader.dataset.pipeline[1].scale == scale


def test_data_that_the_model_never_learned_from_is_refused(starts, parts, tmp_path):
    for start, kind, stage in (
        ('image', 'video_categories', 'stage 3'),
        ('boxes', 'expressions', 'stage 2 or 3'),
    ):
        plan = FineTuning(starts[start], parts(kind), tmp_path, 4)
        with pytest.raises(ValueError, match=f'Start from a model of {stage}'):
            config_text(plan)


def test_a_fine_tuning_may_start_from_another(starts, parts, tmp_path):
    first = FineTuning(starts['image'], parts('categories'), tmp_path / 'first', 4)
    start = replace(starts['image'], config=loaded(first))
    second = FineTuning(start, parts('expressions'), tmp_path / 'second', 5)
    cfg = loaded(second)
    (source,) = cfg.train_dataloader.dataset.sources
    assert source.dataset.type == 'ReferringDataset'
    base = starts['image'].config.train_dataloader.dataset.sources
    assert source.dataset.pipeline == base[1].dataset.pipeline
    assert cfg.train_cfg.max_iters == 5
    assert cfg.test_evaluator.type == 'ReferringMetric'
    assert loaded(replace(first, freeze='backbone')).frozen
    start = replace(start, config=loaded(replace(first, freeze='backbone')))
    assert loaded(replace(second, start=start)).frozen == []
    third = replace(starts['image'], config=cfg)
    cfg = loaded(FineTuning(third, parts('categories'), tmp_path / 'third', 6))
    (source,) = cfg.train_dataloader.dataset.sources
    assert source.dataset.pipeline == base[0].dataset.pipeline


def test_objects_without_masks_switch_to_boxes(starts, parts, tmp_path):
    own = parts('categories', edit=without_masks)
    plan = FineTuning(starts['image'], own, tmp_path, 4)
    assert plan.learns_masks_from_boxes and plan.is_evaluated
    cfg = loaded(plan)
    assert cfg.model.mask_head.with_mask_loss is False
    assert cfg.model.mask_head.loss_projection.type == 'BoxProjectionLoss'
    assert cfg.model.data_preprocessor.with_color_similarity
    assert cfg.test_evaluator.metric == ['bbox']
    # some masks: they are learned as well
    own = parts('categories', edit=lambda c: c['annotations'][0].pop('segmentation'))
    cfg = loaded(FineTuning(starts['image'], own, tmp_path, 4))
    assert cfg.model.mask_head.with_mask_loss is True
    assert cfg.model.mask_head.loss_pairwise.type == 'PairwiseAffinityLoss'


def test_masks_are_learned_again_after_boxes(starts, parts, tmp_path):
    cfg = loaded(FineTuning(starts['boxes'], parts('categories'), tmp_path, 4))
    assert starts['boxes'].config.model.mask_head.with_mask_loss is False
    assert cfg.model.mask_head.with_mask_loss is True
    assert cfg.model.mask_head.loss_projection is None
    assert cfg.model.mask_head.loss_pairwise is None
    assert cfg.model.data_preprocessor.with_color_similarity is False
    own = parts('categories', edit=without_masks)
    cfg = loaded(FineTuning(starts['boxes'], own, tmp_path, 4))
    assert cfg.model.mask_head.with_mask_loss is False
    assert cfg.model.mask_head.loss_projection is not None


def test_expressions_of_videos_without_masks_are_not_evaluated(starts, parts, tmp_path):
    own = parts('video_expressions', edit=without_masks)
    plan = FineTuning(starts['video'], own, tmp_path, 4)
    assert not plan.is_evaluated
    cfg = loaded(plan)
    assert cfg.get('test_cfg') is None and cfg.get('test_dataloader') is None
    assert 'uninext test' not in config_text(plan)


def test_the_text_encoder_of_a_package_stays_its_package_s(starts, parts, tmp_path):
    start = replace(starts['image'], has_text_encoder=False)
    cfg = loaded(FineTuning(start, parts('categories'), tmp_path, 4))
    assert cfg.model.prompt_generator.pretrained == 'minilm'
    cfg = loaded(FineTuning(starts['image'], parts('categories'), tmp_path, 4))
    assert cfg.model.prompt_generator.pretrained is None  # all in load_from
    assert cfg.model.backbone.init_cfg is None


def test_choices_of_freezing_are_nested(starts, parts, tmp_path):
    learning = {}
    for freeze in FREEZE:
        plan = FineTuning(
            starts['video'], parts('categories'), tmp_path, 4, freeze=freeze
        )
        cfg = loaded(plan)
        model = MODELS.build(cfg.model)
        freeze_parameters(model, cfg.get('frozen', []))
        learning[freeze] = {n for n, p in model.named_parameters() if p.requires_grad}
    assert learning['all-but-heads'] < learning['backbone'] < learning['none']
    assert {name.split('.')[0] for name in learning['all-but-heads']} == {
        'bbox_head',
        'mask_head',
        'embed_head',
    }
    assert not any('backbone' in name for name in learning['backbone'])
    image = FineTuning(
        starts['image'], parts('categories'), tmp_path, 4, freeze='backbone'
    )
    assert loaded(image).frozen == ['^backbone', '^prompt_generator']


def test_the_base_is_found_from_any_folder(starts, parts, tmp_path, monkeypatch):
    plan = FineTuning(starts['image'], parts('categories'), tmp_path, 4)
    assert str(CONFIGS / 'stage2_image_shapes.py') in config_text(plan)
    monkeypatch.chdir('/')  # both below: relative, so that they can move together
    text = config_text(plan)
    assert "_base_ = '../" in text
    assert loaded(plan).model.type == 'UNINEXT'


def test_iterations_follow_the_data_within_bounds(parts):
    own = parts('categories')
    assert default_iters(own, 2) == 300
    many = [
        replace(own[0], train=replace(own[0].train, content=dict(images=[0] * 200)))
    ]
    assert default_iters(many, 2) == 1200
    assert default_iters(many * 9, 1) == 5000


def test_a_start_is_found_by_what_lies_beside_it(tmp_path):
    state = {'prompt_generator.text_encoder.x': torch.ones(1)}
    weights = tmp_path / 'iter_1.pth'
    torch.save(dict(state_dict=state), weights)
    with pytest.raises(ValueError, match='tell which config|how it was trained'):
        find_start(str(weights))
    base = CONFIGS / 'stage2_image_shapes.py'
    (tmp_path / 'run.py').write_text(f'_base_ = {str(base)!r}\n')
    start = find_start(str(weights))
    assert start.config_file == tmp_path / 'run.py'
    assert start.has_text_encoder and start.weights == weights
    torch.save(dict(state_dict={'backbone.x': torch.ones(1)}), weights)
    start = find_start(str(weights), str(base))
    assert start.config_file == base
    assert not start.has_text_encoder
    assert find_start(str(weights), 'stage2_image_shapes').config_file == base
    with pytest.raises(ValueError, match='--from WEIGHTS'):
        find_start(None, str(base))


def test_metrics_stand_side_by_side():
    assert metrics_table({}, {}).splitlines() == [f'{"":<23}  before   after']
    after = {'names/coco/bbox_mAP': 0.5, 'expressions/refexp/bbox_P@0.5': 1.0, 'x': 2}
    lines = metrics_table({'names/coco/bbox_mAP': 0.25}, after).splitlines()
    assert lines[1].split() == ['categories:', 'box', 'AP', '0.250', '0.500']
    assert lines[2].split() == ['expressions:', 'box', 'P@0.5', '-', '1.000']
    assert len(lines) == 3


@pytest.mark.parametrize('num_iters', [1, 2, 7, 150])
def test_the_schedule_fits_any_length(num_iters: int):
    warm_up, step = short_schedule(num_iters)
    assert 1 <= warm_up['end'] <= num_iters
    assert 0 < step['milestones'][0] <= num_iters
