"""Every config of configs/uninext: form, model, optimiser, schedule, data wiring.

Models are built on the device ``meta``: full size, no memory, no numbers.
"""

from __future__ import annotations

import ast
import copy
import logging
import re
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from mmengine.config import Config
from mmengine.dataset import Compose
from mmengine.logging import MMLogger
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope

from uninext.registry import (
    DATA_SAMPLERS,
    DATASETS,
    EVALUATOR,
    HOOKS,
    LOG_PROCESSORS,
    LOOPS,
    METRICS,
    MODELS,
    PARAM_SCHEDULERS,
    RUNNERS,
    TRANSFORMS,
    VISUALIZERS,
)
from uninext.shapes import TAXONOMIES
from uninext.shapes.vocabulary import CATEGORIES
from uninext.utils.without_draws import without_draws

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / 'configs/uninext'
PATHS = sorted(FOLDER.rglob('*.py'))
NAMES = [str(path.relative_to(FOLDER)) for path in PATHS]
TRAININGS = [name for name in NAMES if not name.startswith('eval/')]
every_config = pytest.mark.parametrize('name', NAMES)
every_training = pytest.mark.parametrize('name', TRAININGS)
every_evaluation = pytest.mark.parametrize('name', sorted({*NAMES} - {*TRAININGS}))
MAX_LINES = 40
# Sources of which masks are there and are not read, on purpose.
BOXES_ONLY = {'sot', 'otb', *TAXONOMIES}
PACKING = {'PackUninextInputs', 'PackClipInputs', 'PackFrame'}
# Million parameters; R50: 109 bert-base, 23 ResNet-50, 34 the rest.
PARAMETERS = {
    'stage1_pretrain.py': 166,
    'stage2_image.py': 166,
    'stage2_image_tiny.py': 28,
    # the keys of the published checkpoints have so many, buffers and all
    'stage3_video_convnext-l.py': 540,
    'stage3_video_vit-h.py': 1416,
}


@cache
def load(name: str) -> Config:
    return Config.fromfile(FOLDER / name)


_BUILT: dict[str, torch.nn.Module] = {}


def model_of(name: str) -> torch.nn.Module:
    """Build the model; equal ones are shared."""
    text = str(load(name).model)
    if text not in _BUILT:
        init_default_scope('uninext')
        with without_draws():
            _BUILT[text] = MODELS.build(load(name).model).to('meta')
    return _BUILT[text]


def header_of(name: str) -> str:
    lines = (FOLDER / name).read_text().splitlines()
    return '\n'.join(lines[: next(i for i, x in enumerate(lines) if x[:1] != '#')])


def steps(pipeline: list[dict], kind: str) -> list[dict]:
    """Transforms of a type, within others too."""
    found = [step for step in pipeline if step.type == kind]
    for step in pipeline:
        found += steps(step.get('transforms', []), kind)
    return found


def inner_datasets(cfg: dict) -> list[dict]:
    """The datasets that read files, below those that join others."""
    if 'sources' in cfg:
        return [d for s in cfg['sources'] for d in inner_datasets(s['dataset'])]
    if 'datasets' in cfg:
        return [d for each in cfg['datasets'] for d in inner_datasets(each)]
    return [cfg]


# ------------------------------------------------------------------------------- form


@every_config
def test_header_has_command_and_source(name):
    header = header_of(name)
    path = f'configs/uninext/{name}'
    assert re.search(rf'tools/(dist_)?(train|test)\.(py|sh) {re.escape(path)}', header)
    assert re.search(r'arXiv \d{4}\.\d{5}|docs/\w+\.md', header)


@every_config
def test_is_short(name):
    text = (FOLDER / name).read_text()
    limit = 16 if name.startswith('eval/') else MAX_LINES
    said = [x for x in text.splitlines() if re.search(r'\w', x) and x[:1] != '#']
    assert len(said) <= limit, f'{len(said)} lines'


@every_config
def test_what_bases_lend_is_taken(name):
    """Changes of a model are popped: the config that is written has no such key."""
    lent = {'convnext_l', 'vit_h', 'vis_tracker', 'masks_from_boxes'}
    assert not lent & set(load(name))


@every_config
def test_is_no_program_and_names_no_absolute_path(name):
    text = (FOLDER / name).read_text()
    nodes = list(ast.walk(ast.parse(text)))
    code = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.Lambda, ast.If)
    assert not [n for n in nodes if isinstance(n, code)]
    later = {v for n in nodes if isinstance(n, ast.JoinedStr) for v in n.values[1:]}
    strings = [
        n.value
        for n in nodes
        if isinstance(n, ast.Constant) and isinstance(n.value, str) and n not in later
    ]
    assert not [s for s in strings if s.startswith(('/', '~'))]


@every_evaluation
def test_an_evaluation_is_its_model_its_data_and_its_metric(name):
    """Nothing of a training is in it, so that people can read it whole."""
    cfg = load(name)
    assert not {'train_cfg', 'train_dataloader', 'optim_wrapper', 'val_cfg'} & set(cfg)
    assert len(cfg.pretty_text.splitlines()) < 400


@pytest.mark.parametrize('name', ['stage1_pretrain.py', 'stage3_video.py'])
def test_pipelines_have_the_names_that_people_look_for(name):
    cfg = load(name)
    used = [source.dataset.pipeline for source in cfg.train_dataloader.dataset.sources]
    assert cfg.train_pipeline in used or cfg.boxes_train_pipeline in used
    assert all(pipeline in cfg.values() for pipeline in used)


# ------------------------------------------------------------------------------ model


@every_config
def test_model_builds(name):
    model = model_of(name)
    total = sum(p.numel() for p in model.parameters()) / 1e6
    if name in PARAMETERS:
        assert total == pytest.approx(PARAMETERS[name], abs=1)


@every_config
def test_layers_agree(name):
    """The numbers that several parts of a model must share."""
    cfg = load(name).model
    assert cfg.bbox_head.num_layers == cfg.decoder.num_layers
    parts = [cfg[k] for k in ('encoder', 'decoder', 'query_selector', 'mask_head')]
    asked = [cfg[k] for k in ('bbox_head', 'denoising', 'fusion_neck') if cfg[k]]
    channels = {cfg.neck.out_channels, 2 * cfg.positional_encoding.num_feats}
    channels |= {p.get('visual_dims') or p.embed_dims for p in [*parts, *asked]}
    assert len(channels) == 1
    model = model_of(name)
    words = {part.prompt_dims for part in asked}
    assert words == {model.prompt_generator.text_encoder.config.hidden_size}


@every_training
def test_optimizer_builds(name):
    model, cfg = model_of(name), load(name)
    logger = MMLogger.get_current_instance()
    level = logger.level
    logger.setLevel(logging.ERROR)  # it says a line for every parameter
    try:
        wrapper = build_optim_wrapper(model, cfg.optim_wrapper)
    finally:
        logger.setLevel(level)
    names = {id(p): n for n, p in model.named_parameters()}
    base = cfg.optim_wrapper.optimizer
    factors = {k: v.lr_mult for k, v in _custom_keys(cfg).items()}
    for group in wrapper.optimizer.param_groups:
        for parameter in group['params']:
            found = [f for key, f in factors.items() if key in names[id(parameter)]]
            assert group['lr'] == pytest.approx(base.lr * (found or [1.0])[0])
            assert group['weight_decay'] == base.weight_decay


def _custom_keys(cfg: Config) -> dict:
    return cfg.optim_wrapper.paramwise_cfg.custom_keys


@every_training
def test_schedulers_build(name):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    cfg = load(name)
    for scheduler in cfg.param_scheduler:
        assert not scheduler.by_epoch
        PARAM_SCHEDULERS.build(scheduler, default_args=dict(optimizer=optimizer))
        assert max(scheduler.get('milestones', [0])) < cfg.train_cfg.max_iters
        assert scheduler.get('end', 0) <= cfg.train_cfg.max_iters  # a ramp to the end


# ------------------------------------------------------------------------------- data


@every_config
def test_runtime_is_known(name):
    cfg = load(name)
    assert cfg.default_scope == 'uninext'
    assert RUNNERS.get(cfg.runner_type)
    assert LOG_PROCESSORS.get(cfg.log_processor.type)
    assert VISUALIZERS.get(cfg.visualizer.type)
    for hook in [*cfg.default_hooks.values(), *cfg.custom_hooks]:
        assert HOOKS.get(hook.type), hook
    for loop in (cfg.get(f'{split}_cfg') for split in ('train', 'val', 'test')):
        assert loop is None or LOOPS.get(loop.type)


@every_config
@pytest.mark.parametrize('split', ['train', 'val', 'test'])
def test_pipelines_build_without_data(name, split):
    loader = load(name).get(f'{split}_dataloader')
    if loader is None:
        assert f'{split}_cfg' not in load(name)
        return
    assert DATASETS.get(loader.dataset.type)
    assert DATA_SAMPLERS.get(loader.sampler.type)
    for dataset in inner_datasets(loader.dataset):
        assert DATASETS.get(dataset.type)
        assert dataset.get('test_mode', False) is (split != 'train')
        assert dataset.data_root.startswith('data/')
        transforms = [TRANSFORMS.build(t) for t in dataset.pipeline]
        assert len(Compose(dataset.pipeline).transforms) == len(transforms)
        assert dataset.pipeline[-1].type in PACKING


@every_training
def test_sources_are_told_apart(name):
    names = [source.name for source in load(name).train_dataloader.dataset.sources]
    assert len(set(names)) == len(names)


@every_config
@pytest.mark.parametrize('split', ['val', 'test'])
def test_every_dataset_has_its_metric(name, split):
    cfg = load(name)
    if f'{split}_cfg' not in cfg:
        assert f'{split}_evaluator' not in cfg
        return
    evaluator = cfg[f'{split}_evaluator']
    datasets = inner_datasets(cfg[f'{split}_dataloader'].dataset)
    metrics = [evaluator]
    if evaluator.type == 'AveragedSetsMetric':
        assert METRICS.get(evaluator.type)
        assert [d.set_name for d in datasets] == evaluator.sets
        metrics = [evaluator.metric] * len(datasets)
    elif 'metrics' in evaluator:
        assert EVALUATOR.get(evaluator.type)
        metrics = evaluator.metrics
        assert len(evaluator.dataset_prefixes) == len(metrics)
    assert len(metrics) == len(datasets)
    for metric, dataset in zip(metrics, datasets):
        assert METRICS.get(metric.type)
        if 'ann_file' in metric:
            assert metric.ann_file == dataset.data_root + dataset.ann_file


@every_training
def test_colours_are_there_where_masks_are_learned_from_boxes(name):
    cfg = load(name).model
    from_boxes = 'loss_projection' in cfg.mask_head
    assert cfg.data_preprocessor.get('with_color_similarity', False) is from_boxes
    for source in load(name).train_dataloader.dataset.sources:
        for dataset in inner_datasets(source.dataset):
            (loading,) = steps(dataset.pipeline, 'LoadPromptAnnotations')
            if not from_boxes and source.name not in BOXES_ONLY:
                assert loading.get('with_mask', False)


# ---------------------------------------------------------------------------- Table 1

# UNINEXT, arXiv 2303.06674, Table 1 of the supplementary material.
TABLE_1 = {
    'stage1_pretrain.py': dict(gpus=32, iters=340741, step=312346),
    'stage2_image.py': dict(gpus=16, iters=91990, step=76658),
    'stage2_image_convnext-t.py': dict(gpus=16, iters=91990, step=76658),
    'stage1_pretrain_convnext-l.py': dict(gpus=32, iters=340741, step=312346),
    'stage2_image_convnext-l.py': dict(gpus=16, iters=91990, step=76658),
    'stage1_pretrain_vit-h.py': dict(gpus=32, iters=340741, step=312346),
    # Not in the table: the published config
    'stage2_image_vit-h.py': dict(gpus=32, iters=48000, step=40000),
}
# source -> share, batch size, shortest sides, farthest frame
SMALL, LARGE = (320, 640, 768), (480, 800, 1333)
STAGE_3 = {
    'ovis': (0.17, 2, LARGE, 10),
    'ytvis_2019': (0.34, 4, SMALL, 10),
    'coco': (0.51, 2, LARGE, 10),
    'bdd100k_det': (0.18, 2, LARGE, 3),
    'bdd100k_box_track': (0.72, 2, LARGE, 3),
    'bdd100k_ins_seg': (0.02, 2, LARGE, 3),
    'bdd100k_seg_track': (0.08, 2, LARGE, 3),
    'refcoco': (0.67, 2, LARGE, 10),
    'refytvos': (0.33, 2, SMALL, 10),
    'got10k': (0.2, 2, LARGE, 200),
    'lasot': (0.2, 2, LARGE, 200),
    'trackingnet': (0.2, 2, LARGE, 200),
    'coco_sot': (0.2, 2, LARGE, 200),
    'ytvos18': (0.2, 2, SMALL, 200),
}
# Of the published configs video_joint_*: batch size of most sources, of YouTube-VIS,
# and the shares that differ.
STAGE_3_VARIANTS = {
    'stage3_video.py': (2, 4, {}),
    'stage3_video_convnext-l.py': (1, 2, {}),
    'stage3_video_vit-h.py': (1, 1, {'ovis': 0.25, 'ytvis_2019': 0.25, 'coco': 0.5}),
}
every_stage_3 = pytest.mark.parametrize('name', STAGE_3_VARIANTS)


@pytest.mark.parametrize('name', TABLE_1)
def test_published_settings(name):
    cfg, published = load(name), TABLE_1[name]
    assert cfg.train_cfg.max_iters == published['iters']
    assert cfg.optim_wrapper.optimizer == dict(type='AdamW', lr=2e-4, weight_decay=0.05)
    assert cfg.optim_wrapper.clip_grad == dict(max_norm=0.1, norm_type=2)
    (scheduler,) = cfg.param_scheduler
    assert scheduler.milestones == [published['step']]
    assert scheduler.gamma == 0.1
    rates = {k: 2e-4 * v.lr_mult for k, v in _custom_keys(cfg).items()}
    assert rates == pytest.approx(
        dict(backbone=2e-5, sampling_offsets=2e-5, text_encoder=1e-5)
    )
    loader = cfg.train_dataloader
    sizes = [s.get('batch_size', loader.batch_size) for s in loader.dataset.sources]
    assert set(sizes) == {2}
    header = header_of(name)
    assert f'{published["gpus"]} GPUs x 2 images' in header
    assert header.split(f'{name} ')[1].split()[0] == str(published['gpus'])


@pytest.mark.parametrize('name', TABLE_1)
def test_published_scales(name):
    scales = [[size, 1333] for size in range(480, 801, 32)]
    for dataset in inner_datasets(load(name).train_dataloader.dataset):
        (resize,) = [t for t in dataset.pipeline if t.type == 'RandomChoiceResize']
        assert [list(s) for s in resize.scales] == scales
    for dataset in inner_datasets(load(name).test_dataloader.dataset):
        (resize,) = [t for t in dataset.pipeline if t.type == 'Resize']
        assert tuple(resize.scale) == (1333, 800)


def test_published_network():
    cfg = load('stage2_image.py').model
    assert cfg.query_selector.num_queries == 900
    assert (cfg.encoder.num_layers, cfg.decoder.num_layers) == (6, 6)
    assert cfg.encoder.feedforward_channels == 2048
    assert cfg.prompt_generator.max_tokens == 256
    assert cfg.fusion_neck.embed_dims == 2048
    assert cfg.backbone.frozen_stages == 1  # stem and first stage


def test_stage_2_draws_both_sources_alike():
    coco, refcoco = load('stage2_image.py').train_dataloader.dataset.sources
    assert coco.ratio == refcoco.ratio
    (stage_1,) = load('stage1_pretrain.py').train_dataloader.dataset.sources
    assert stage_1.class_aware


@every_stage_3
def test_stage_3_is_the_published_mixture(name):
    found = {}
    for source in load(name).train_dataloader.dataset.sources:
        pipeline = source.dataset.pipeline
        (resize,) = steps(pipeline, 'RandomChoiceResize')
        (pair,) = steps(pipeline, 'SampleFramePair')
        (crop,) = steps(pipeline, 'RandomCrop')
        assert crop.crop_size == (384, 600)
        shortest = [scale[0] for scale in resize.scales]
        assert np.diff(shortest).tolist() == [32] * (len(shortest) - 1)
        sizes = (shortest[0], shortest[-1], resize.scales[0][1])
        found[source.name] = (source.ratio, source.batch_size, sizes, pair.frame_range)
    most, ytvis, shares = STAGE_3_VARIANTS[name]
    assert found == {
        key: (shares.get(key, share), ytvis if key == 'ytvis_2019' else most, *rest)
        for key, (share, _, *rest) in STAGE_3.items()
    }
    header = header_of(name)
    num_gpus = 16 if name == 'stage3_video.py' else 32
    assert f'{num_gpus} GPUs x {most} pair' in header
    assert header.split(f'{name} ')[1].split()[0] == str(num_gpus)


@every_stage_3
def test_stage_3_is_the_published_schedule(name):
    cfg = load(name)
    assert cfg.train_cfg.max_iters == 180000
    assert cfg.param_scheduler[0].milestones == [150000]
    assert cfg.optim_wrapper.optimizer == dict(type='AdamW', lr=1e-4, weight_decay=0.05)
    rates = {k: 1e-4 * v.lr_mult for k, v in _custom_keys(cfg).items()}
    assert rates == pytest.approx(
        dict(backbone=1e-5, sampling_offsets=1e-5, text_encoder=1e-5)
    )
    assert cfg.model.backbone.get('frozen_stages', -1) == -1
    assert cfg.model.prompt_generator.frozen


@pytest.mark.parametrize('backbone', ['convnext-l', 'vit-h'])
def test_backbones_by_inheritance(backbone):
    """A stage with another backbone is the stage, but for what depends on it."""
    allowed = {'backbone', 'neck', 'data_preprocessor'}
    for stage in ('stage1_pretrain', 'stage2_image', 'stage3_video'):
        base, other = load(f'{stage}.py').model, load(f'{stage}_{backbone}.py').model
        assert base.keys() == other.keys()
        assert {k for k in base if base[k] != other[k]} == allowed
        assert other.data_preprocessor.test_pad_size_divisor == 32
        assert '_delete_' not in other.backbone
        first = other.backbone.get('init_cfg')
        assert (first is not None) is (stage == 'stage1_pretrain')
        if first is not None:
            file = first.checkpoint
            assert '--backbone-only' in header_of(f'{stage}_{backbone}.py')
            assert file in header_of(f'{stage}_{backbone}.py')


# task and benchmark -> shortest side, metric, whether a server keeps the ground truth
VIDEO_TESTS = {
    'sot_lasot': (800, 'SOTMetric', False),
    'sot_lasot-ext': (800, 'SOTMetric', False),
    'sot_tnl2k': (800, 'SOTMetric', False),
    'sot_otb': (800, 'SOTMetric', False),
    'sot_trackingnet': (800, 'SOTMetric', True),
    'sot_got10k': (800, 'SOTMetric', True),
    'vos_davis17': (480, 'VOSMetric', False),
    'vos_ytvos18': (480, 'VOSMetric', True),
    'mot_bdd100k': (800, 'BDD100KTrackingMetric', False),
    'mot_mot17': (800, 'TrackingMetric', False),
    'mots_bdd100k': (800, 'BDD100KTrackingMetric', False),
    'vis_ytvis19': (480, 'VideoInstanceMetric', True),
    'vis_ovis': (720, 'VideoInstanceMetric', True),
    'rvos_refytvos': (480, 'ReferringVOSMetric', True),
    'rvos_refdavis': (480, 'ReferringVOSMetric', False),
}
every_video_test = pytest.mark.parametrize('name', VIDEO_TESTS)


@every_video_test
def test_videos_are_tested_as_published(name):
    cfg = load(f'eval/{name}.py')
    shortest, metric, withheld = VIDEO_TESTS[name]
    assert cfg.test_cfg == dict(type='VideoTestLoop')
    assert cfg.test_dataloader.sampler.type == 'WholeVideoSampler'
    assert cfg.test_dataloader.batch_size == 1
    for dataset in inner_datasets(cfg.test_dataloader.dataset):
        (resize,) = steps(dataset.pipeline, 'Resize')
        assert (tuple(resize.scale), resize.keep_ratio) == ((1333, shortest), True)
        shown = {'sot': 'box', 'vos': 'mask'}.get(name[:3])
        assert dataset.get('target', 'box') == (shown or 'box')
    evaluator = cfg.test_evaluator.get('metric', cfg.test_evaluator)
    assert evaluator.type == metric
    assert evaluator.get('format_only', False) is withheld
    if withheld:
        assert evaluator.outfile_prefix.startswith(f'work_dirs/{name}/')
    METRICS.build(evaluator)


@every_video_test
def test_trackers_are_as_published(name):
    trackers = load(f'eval/{name}.py').model.trackers
    task = name.split('_')[0]
    assert not trackers.category.get('with_iou', False)
    kind = 'VideoInstanceTracker' if task == 'vis' else 'PromptQuasiDenseTracker'
    assert trackers.category.type == kind
    blank = trackers.mask['merge'].blank_score_thr
    assert blank == (0.5 if name == 'vos_ytvos18' else 0.0)
    merged = trackers.expression.get('merge')
    assert (merged is not None) is (name == 'rvos_refdavis')
    built = {k: MODELS.build(copy.deepcopy(v)) for k, v in trackers.items()}
    assert set(built) == {'category', 'expression', 'box', 'mask'}


def test_every_video_test_is_known():
    stage_3 = {
        Path(n).stem
        for n in NAMES
        if n.startswith('eval/') and load(n).model.type == 'UNINEXTVideo'
    }
    images = {'od_shapes', 'rec_shapes'}
    tiny = {n for n in stage_3 if n.endswith('_tiny')}
    shapes = {n for n in stage_3 if n.endswith('_shapes')} - images
    assert stage_3 - tiny - shapes - images == set(VIDEO_TESTS)
    tasks = {'sot', 'vos', 'mot', 'vis', 'rvos'}
    assert {n.split('_')[0] for n in tiny} == tasks
    assert {n.split('_')[0] for n in shapes} == {*tasks, 'mots'}
    for name in tiny | shapes:
        cfg = load(f'eval/{name}.py')
        assert cfg.test_cfg == dict(type='VideoTestLoop')
        assert cfg.test_dataloader.sampler.type == 'WholeVideoSampler'
    for name in stage_3 - images:  # no masks where nobody reads them
        cfg, task = load(f'eval/{name}.py').model, name.split('_')[0]
        assert cfg.trackers.category.get('with_masks', True) is (task != 'mot')
        assert cfg.trackers.box.get('with_masks', True) is (task != 'sot')
    for name in images:
        assert load(f'eval/{name}.py').test_cfg == dict(type='TestLoop')


def test_metafile_agrees():
    models = yaml.safe_load((FOLDER / 'metafile.yml').read_text())['Models']
    by_config = {m['Config']: m['Metadata'] for m in models}
    assert set(by_config) == {f'configs/uninext/{n}' for n in NAMES}
    for name, published in TABLE_1.items():
        metadata = by_config[f'configs/uninext/{name}']
        assert metadata.get('Iterations', published['iters']) == published['iters']
        assert metadata['Batch Size'] == 2 * published['gpus']


def test_a_baseline_reads_the_same_images():
    (path,) = (ROOT / 'configs/baselines').glob('*.py')
    cfg, ours = Config.fromfile(path), load('stage2_image_shapes.py')
    theirs = cfg.train_dataloader.dataset
    assert theirs.ann_file == ours.shapes_train.ann_file
    assert theirs.metainfo.classes == CATEGORIES
    heads = [*cfg.model.roi_head.bbox_head, cfg.model.roi_head.mask_head]
    assert [head.num_classes for head in heads] == [len(CATEGORIES)] * 4
