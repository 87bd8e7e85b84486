"""The config of a fine-tuning as people would write it: only what differs.

It inherits from the config of the model to start from.
"""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any

from mmengine.config import Config

from uninext.fine_tuning.config_lines import Expression, assignments
from uninext.fine_tuning.data import DataKind, OwnPart, OwnSet
from uninext.fine_tuning.plan import BACKBONES, FREEZE, FineTuning, StartModel
from uninext.utils.inference_scale import InferenceScale

CHECKPOINTS_PER_RUN = 4
WARM_UP_SHARE, FINAL_SHARE = 0.05, 0.25  # of the iterations
# Where configs keep what the first start model was trained on, so that a fine-tuning
# may start from another one, with other data.
_START = 'start_sources'


def config_text(plan: FineTuning) -> str:
    """Write the config of a fine-tuning: the text of ``plan.work_dir / 'config.py'``.

    It inherits from the start model's config and repeats nothing of it; pipelines of
    the data are those of the model's own training.

    Raises:
        ValueError: If the start model's training has nothing like the data.
    """
    path = plan.work_dir / 'config.py'
    last = plan.work_dir / f'iter_{plan.num_iters}.pth'
    sources = '_base_.train_dataloader.dataset.sources'
    body: dict[str, Any] = {
        _START: Expression(f'_base_.get({_START!r}, {sources})'),
        'work_dir': str(plan.work_dir),
        'load_from': near_path(plan.start.weights),
        'model': _model_lines(plan),
        'frozen': _frozen(plan),
        'train_dataloader': _train_lines(plan),
        **_test_lines(plan),
        'optim_wrapper': {} if plan.lr is None else {'optimizer': {'lr': plan.lr}},
        'param_scheduler': short_schedule(plan.num_iters),
        'train_cfg': {'max_iters': plan.num_iters, 'val_interval': plan.num_iters},
        'default_hooks': {
            'checkpoint': {'interval': math.ceil(plan.num_iters / CHECKPOINTS_PER_RUN)}
        },
    }
    kept = {'frozen'} if plan.start.config.get('frozen') else set()  # else inherited
    lines = assignments(
        {k: v for k, v in body.items() if k in kept or v not in ({}, [])}
    )
    head = [
        f'# Fine-tuning of {plan.start.weights.name}, written by uninext train --data; '
        'yours to change.',
        f'# uninext train {path} --resume',
    ]
    if plan.is_evaluated:
        head.append(f'# uninext test {path} {last}')
    base = assignments({'_base_': _base_of(plan)})
    return '\n'.join([*head, f'{base}{lines}'])


def short_schedule(num_iters: int) -> list[dict[str, Any]]:
    """A warm-up, a plateau and a last part with a tenth of the learning rate."""
    warm_up = math.ceil(WARM_UP_SHARE * num_iters)
    last_part = num_iters - round(FINAL_SHARE * num_iters)
    return [
        dict(type='LinearLR', by_epoch=False, start_factor=0.1, end=warm_up),
        dict(type='MultiStepLR', by_epoch=False, milestones=[last_part], gamma=0.1),
    ]


def _base_of(plan: FineTuning) -> str:
    """From the config's folder where both lie below this one, so that it can move."""
    here, base = Path.cwd().resolve(), plan.start.config_file
    folder = plan.work_dir.resolve()
    if base.is_relative_to(here) and folder.is_relative_to(here):
        return os.path.relpath(base, folder)
    return str(base)


def _model_lines(plan: FineTuning) -> dict[str, Any]:
    model = plan.start.config.model
    lines: dict[str, Any] = {}
    if model.backbone.get('init_cfg') is not None:
        lines['backbone'] = {'init_cfg': None}  # all weights are in load_from
    prompts: dict[str, Any] = {}
    if plan.start.has_text_encoder and model.prompt_generator.get('pretrained'):
        prompts['pretrained'] = None
    if FREEZE[plan.freeze] and not model.prompt_generator.get('frozen'):
        prompts['frozen'] = True  # its dropout is off too, and texts are kept
    if prompts:
        lines['prompt_generator'] = prompts
    if any(part.train.num_empty for part in plan.parts):
        lines['bbox_head'] = {'learn_absence': True}
    return lines | _mask_lines(plan)


def _mask_lines(plan: FineTuning) -> dict[str, Any]:
    """How masks are learned, where it is not as the start model learned them."""
    head = plan.start.config.model.get('mask_head')
    if head is None:
        return {}
    from_masks = any(part.train.num_masks for part in plan.parts)
    from_boxes = plan.learns_masks_from_boxes
    was_from_boxes = head.get('loss_projection') is not None
    lines: dict[str, Any] = {}
    if head.get('with_mask_loss', True) != from_masks:
        lines['with_mask_loss'] = from_masks
    if from_boxes:
        lines['loss_projection'] = {'type': 'BoxProjectionLoss', 'loss_weight': 1.0}
        lines['loss_pairwise'] = {'type': 'PairwiseAffinityLoss', 'loss_weight': 1.0}
        lines['pairwise_warmup'] = plan.num_iters
    elif was_from_boxes:
        lines['loss_projection'] = lines['loss_pairwise'] = None
    result = {'mask_head': lines} if lines else {}
    if from_boxes != was_from_boxes:
        result['data_preprocessor'] = {'with_color_similarity': from_boxes}
    return result


def _frozen(plan: FineTuning) -> list[str]:
    """Patterns of the parts that the model has."""
    parts = plan.start.config.model
    return [
        pattern
        for pattern in FREEZE[plan.freeze]
        if pattern not in BACKBONES or pattern[1:].split('.')[0] in parts
    ]


def _train_lines(plan: FineTuning) -> dict[str, Any]:
    sources = [
        {
            'name': part.train.kind.source,
            'ratio': 1,
            'batch_size': plan.batch_size,
            'dataset': {
                'type': part.train.kind.dataset,
                **_files_of(part.train),
                'filter_cfg': {'filter_empty_gt': not part.train.num_empty},
                'pipeline': _pipeline_like(part, plan.start),
            },
        }
        for part in plan.parts
    ]
    return {'batch_size': plan.batch_size, 'dataset': {'sources': sources}}


def _files_of(own: OwnSet) -> dict[str, Any]:
    return {
        'data_root': '',
        'ann_file': near_path(own.ann_file),
        'data_prefix': {'img': f'{near_path(own.images)}/'},
    }


def _pipeline_like(part: OwnPart, start: StartModel) -> Expression:
    """That of the first source of the start model that reads such files."""
    # What it was trained on before any fine-tuning.
    now = start.config.train_dataloader.dataset.get('sources', [])
    kinds = [source.dataset.type for source in start.config.get(_START, now)]
    wanted = part.train.kind.dataset
    if wanted in kinds:
        return Expression(f'{_START}[{kinds.index(wanted)}].dataset.pipeline')
    stage = 'stage 3' if part.train.kind.scenes == 'videos' else 'stage 2 or 3'
    raise ValueError(
        f'{part.train.ann_file} holds {part.train.kind.source.replace("_", " ")}, and '
        f'{start.config_file.name} was not trained on such data (it has no source of '
        f'{wanted}). Start from a model of {stage}.'
    )


def _test_lines(plan: FineTuning) -> dict[str, Any]:
    """Test data, metrics and loop; validation while training is switched off."""
    base = plan.start.config
    off = ['val_dataloader', 'val_evaluator', 'val_cfg']
    tests: dict[str, Any] = {}
    if plan.is_evaluated:
        is_video = plan.parts[0].val.kind.scenes == 'videos'
        images = {'type': 'DefaultSampler', 'shuffle': False}
        sampler = {'type': 'WholeVideoSampler'} if is_video else images
        dataset, evaluator = _test_data(plan)
        loader = {'batch_size': 1, 'num_workers': 1, 'sampler': sampler}
        tests = {
            'test_dataloader': {**loader, 'dataset': dataset},
            'test_evaluator': evaluator,
            'test_cfg': {'type': 'VideoTestLoop' if is_video else 'TestLoop'},
        }
    else:
        off += ['test_dataloader', 'test_evaluator', 'test_cfg']
    lines: dict[str, Any] = {k: None for k in off if base.get(k) is not None}
    for key, value in tests.items():
        lines[key] = {'_delete_': True, **value} if key in base else value
    return lines


def _test_data(plan: FineTuning) -> tuple[dict[str, Any], dict[str, Any]]:
    """The test set and its metric; of several kinds, all of them in one."""
    datasets = [_test_set(part, plan) for part in plan.parts]
    metrics = [_metric_of(part) for part in plan.parts]
    if len(datasets) == 1:
        return datasets[0], metrics[0]
    return {'type': 'ConcatDataset', 'datasets': datasets}, {
        'type': 'MultiDatasetsEvaluator',
        'metrics': metrics,
        'dataset_prefixes': [part.val.kind.source for part in plan.parts],
    }


def _test_set(part: OwnPart, plan: FineTuning) -> dict[str, Any]:
    kind, first = part.val.kind, {}
    if kind.scenes == 'videos':
        after_loading = [{'type': 'PackFrame'}]
    else:
        name = 'SampleExpression' if kind.has_expressions else 'AllCategory'
        if kind.has_expressions and plan.val_expressions is not None:
            first = {'indices': min(plan.val_expressions, part.val.num_expressions)}
        after_loading = [
            {'type': 'LoadPromptAnnotations', 'with_mask': True},
            {'type': f'{name}Prompt'},
            {'type': 'PackUninextInputs'},
        ]
    load = [{'type': 'LoadImageOrExplain'}, *_resizing(plan.start.config, kind)]
    return {
        'type': kind.dataset,
        **_files_of(part.val),
        'test_mode': True,
        **first,
        'pipeline': [*load, *after_loading],
    }


def _metric_of(part: OwnPart) -> dict[str, Any]:
    types = ['bbox', 'segm'] if part.val.has_all_masks else ['bbox']
    ann_file = near_path(part.val.ann_file)
    return {
        'categories': {'type': 'CocoMetric', 'ann_file': ann_file, 'metric': types},
        'expressions': {'type': 'ReferringMetric', 'metric': types},
        'video_categories': {'type': 'TrackingMetric', 'similarity': types[-1]},
        'video_expressions': {'type': 'ReferringVOSMetric'},
    }[part.val.kind.source]


def _resizing(base: Config, kind: DataKind) -> list[dict[str, Any]]:
    """The step that resizes test images as the start model's own evaluation does."""
    sizes = InferenceScale(base)
    scale = sizes.for_videos() if kind.scenes == 'videos' else sizes.for_images()
    if isinstance(scale, dict):
        scale = scale['expression' if kind.has_expressions else 'category']
    if scale is None:
        return []
    keep = {'keep_ratio': True, 'backend': 'pillow'}
    return [{'type': 'Resize', 'scale': scale, **keep}]


def near_path(path: Path) -> str:
    """From the folder where commands are started, as paths in configs are."""
    here = Path.cwd().resolve()
    path = path.resolve()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
