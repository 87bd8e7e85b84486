"""A config that fine-tunes a model on data of users: only what differs is written.

Second step of fine-tuning: sets to learn from and judge by, and a model to start from
enter; the text of a config leaves, which inherits from the model's own.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmengine.config import Config

from uninext.apis.inference_scale import InferenceScale
from uninext.apis.named_models import (
    CHECKPOINT_SUFFIXES,
    MODELS,
    config_path,
    resolve_model,
)
from uninext.checkpoint import load_file, state_dict_of
from uninext.fine_tuning.config_lines import Expression, assignments
from uninext.fine_tuning.data import OwnPart
from uninext.fine_tuning.short_training import short_schedule
from uninext.utils.files import replacing

ROUNDS, FEWEST_ITERS, MOST_ITERS = 12, 300, 5000  # where nothing is said
DEFAULT_BATCH_SIZE = 2
CHECKPOINTS_PER_RUN = 4
TEXT_ENCODER = 'prompt_generator.text_encoder.'
_BACKBONES = ['^backbone', '^prompt_generator', '^visual_prompt_generator.backbone']
# Where configs keep what the first start model was trained on, so that a fine-tuning
# may start from another one, with other data.
_START = 'start_sources'
_HEADS = 'bbox_head|mask_head|embed_head'
# What is not learned, by the name of the choice: regular expressions of parameters.
# The heads hold the projection of prompts, by which instances are retrieved.
FREEZE = {
    'none': [],
    'backbone': _BACKBONES,
    'all-but-heads': [f'^(?!({_HEADS}))'],
}
# Figures that are compared, of those that the metrics give, and their names for people.
FIGURES = {
    'coco/bbox_mAP': 'names: box AP',
    'coco/bbox_mAP_50': 'names: box AP50',
    'coco/segm_mAP': 'names: mask AP',
    'coco/segm_mAP_50': 'names: mask AP50',
    'refexp/bbox_P@0.5': 'sentences: box P@0.5',
    'refexp/segm_P@0.5': 'sentences: mask P@0.5',
    'refexp/segm_oIoU': 'sentences: oIoU',
    'track/HOTA': 'names: HOTA',
    'track/IDF1': 'names: IDF1',
    'rvos/J&F': 'sentences: J&F',
    'rvos/J_mean': 'sentences: J',
    'rvos/F_mean': 'sentences: F',
}


@dataclass(frozen=True)
class StartModel:
    """What a fine-tuning starts from.

    Attributes:
        config: The config that the weights were trained with.
        weights: The file.
        has_text_encoder: Whether the file has the text encoder's weights; published
            files leave to packages what they bring.
    """

    config: Config
    weights: Path
    has_text_encoder: bool

    @property
    def config_file(self) -> Path:
        """The file to inherit from."""
        return Path(self.config.filename).resolve()


@dataclass(frozen=True)
class FineTuning:
    """All that is decided before a fine-tuning.

    Attributes:
        start: The model.
        parts: What is learned from and judged by, a part for each kind.
        work_dir: Of the run.
        num_iters: Iterations.
        batch_size: Samples of an iteration.
        lr: Learning rate; None: that of the start model's config.
        freeze: Key of ``FREEZE``.
    """

    start: StartModel
    parts: Sequence[OwnPart]
    work_dir: Path
    num_iters: int
    batch_size: int = DEFAULT_BATCH_SIZE
    lr: float | None = None
    freeze: str = 'none'

    def __post_init__(self) -> None:
        """Refuse what cannot be meant.

        Raises:
            ValueError: If a number is not positive or ``freeze`` is unknown.
        """
        check_numbers(iters=self.num_iters, batch_size=self.batch_size, lr=self.lr)
        if self.freeze not in FREEZE:
            raise ValueError(
                f'--freeze must be one of {", ".join(FREEZE)}, got {self.freeze!r}.'
            )

    @property
    def is_judged(self) -> bool:
        """Whether there is anything to judge by: sentences of videos need masks."""
        return _judge_of(self.parts[0]) is not None

    @property
    def learns_masks_from_boxes(self) -> bool:
        """Whether some objects have no mask, and the model has masks to learn."""
        has_head = self.start.config.model.get('mask_head') is not None
        return has_head and not all(p.train.has_all_masks for p in self.parts)


def check_numbers(**options: float | None) -> None:
    """Refuse numbers that cannot be meant.

    Args:
        **options: Values by the names of the options; None: nothing was said.

    Raises:
        ValueError: If one is not more than 0, or not finite.
    """
    for name, value in options.items():
        if value is not None and not 0 < value < math.inf:
            option = name.replace('_', '-')
            raise ValueError(f'--{option} must be more than 0, got {value}.')


def find_start(model: str | None, config: str | None = None) -> StartModel:
    """Find the model to start from.

    Args:
        model: Name of one that comes with the package, or a file of weights; None: the
            default one.
        config: The config that the weights were trained with; None: that of a named
            model, the only config beside the file (as in a work_dir), or the one that
            the file names.

    Raises:
        ValueError: If something is not found, or the file names no config.
    """
    is_file = model is not None and Path(model).suffix in CHECKPOINT_SUFFIXES
    beside = sorted(Path(model).parent.glob('*.py')) if is_file else []
    if config is None and len(beside) == 1 and Path(model).is_file():
        config = str(beside[0])
    if config is not None:
        if model is None:
            raise ValueError(f'Give the weights to start {config} from: --from WEIGHTS')
        path = config if Path(config).is_file() else config_path(config)
        weights = MODELS[model].checkpoint if model in MODELS else model
        cfg, checkpoint = resolve_model(path, weights)
    else:
        cfg, checkpoint = resolve_model(model)
    if cfg.filename is None or 'train_dataloader' not in cfg:
        raise ValueError(
            f'{model} does not say how it was trained. Give its config first: uninext '
            f'train CONFIG.py --data ... --from {model}'
        )
    state = state_dict_of(load_file(checkpoint, mmap=True), str(checkpoint))
    has_text = any(key.startswith(TEXT_ENCODER) for key in state)
    return StartModel(cfg, checkpoint, has_text)


def default_iters(parts: Sequence[OwnPart], batch_size: int) -> int:
    """Iterations where nobody says: some rounds of the data, within bounds."""
    records = sum(len(p.train.content[p.train.kind.scenes]) for p in parts)
    rounds = ROUNDS * records // max(1, batch_size)
    return min(max(rounds, FEWEST_ITERS), MOST_ITERS)


def config_text(plan: FineTuning) -> str:
    """Write the config of a fine-tuning: Python that mmengine reads.

    It inherits from the start model's config and repeats nothing of it; pipelines of
    the data are those of the model's own training.

    Args:
        plan: What is decided.

    Returns:
        The text of the file ``plan.work_dir / 'config.py'``.

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
    if plan.is_judged:
        head.append(f'# uninext test {path} {last}')
    base = assignments({'_base_': _base_of(plan)})
    return '\n'.join([*head, f'{base}{lines}'])


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
        if pattern not in _BACKBONES or pattern[1:].split('.')[0] in parts
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
                'filter_cfg': {'filter_empty_gt': True},
                'pipeline': _pipeline_of(_source_like(part, plan.start)),
            },
        }
        for part in plan.parts
    ]
    return {'batch_size': plan.batch_size, 'dataset': {'sources': sources}}


def _files_of(own: Any) -> dict[str, Any]:
    return {
        'data_root': '',
        'ann_file': near_path(own.ann_file),
        'data_prefix': {'img': f'{near_path(own.images)}/'},
    }


def _source_like(part: OwnPart, start: StartModel) -> int:
    """Position of the first source of the start model that reads such files."""
    kinds = [source.dataset.type for source in _sources_of(start.config)]
    wanted = part.train.kind.dataset
    if wanted in kinds:
        return kinds.index(wanted)
    stage = 'stage 3' if part.train.kind.scenes == 'videos' else 'stage 2 or 3'
    raise ValueError(
        f'{part.train.ann_file} holds {part.train.kind.source.replace("_", " ")}, and '
        f'{start.config_file.name} was not trained on such data (it has no source of '
        f'{wanted}). Start from a model of {stage}.'
    )


def _sources_of(config: Config) -> list[dict]:
    """What a model was trained on, before any fine-tuning."""
    now = config.train_dataloader.dataset.get('sources', [])
    return config.get(_START, now)


def _pipeline_of(number: int) -> Expression:
    """The pipeline of a source of the start model's config."""
    return Expression(f'{_START}[{number}].dataset.pipeline')


def near_path(path: Path) -> str:
    """From the folder where commands are started, as paths in configs are."""
    here = Path.cwd().resolve()
    path = path.resolve()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


# ------------------------------------------------------------------------------ judging


@dataclass(frozen=True)
class _Judge:
    """How data of a kind is judged.

    Attributes:
        loop: Registered test loop.
        sampler: Of the test data.
        after_loading: Transforms after the picture was loaded and resized.
        evaluator: The metric.
    """

    loop: str
    sampler: dict[str, Any]
    after_loading: list[dict[str, Any]]
    evaluator: dict[str, Any]


def _judge_of(part: OwnPart) -> _Judge | None:
    with_mask = part.val.has_all_masks
    pictures = ('TestLoop', {'type': 'DefaultSampler', 'shuffle': False})
    videos = ('VideoTestLoop', {'type': 'WholeVideoSampler'})
    load = {'type': 'LoadPromptAnnotations', 'with_mask': True}
    pack, pack_frame = {'type': 'PackUninextInputs'}, {'type': 'PackFrame'}
    metrics = ['bbox', 'segm'] if with_mask else ['bbox']
    coco = {
        'type': 'CocoMetric',
        'ann_file': near_path(part.val.ann_file),
        'metric': metrics,
    }
    referring = {'type': 'ReferringMetric', 'metric': metrics}
    tracking = {'type': 'TrackingMetric', 'similarity': metrics[-1]}
    judges = {
        'names': _Judge(*pictures, [load, {'type': 'AllCategoryPrompt'}, pack], coco),
        'sentences': _Judge(
            *pictures, [load, {'type': 'SampleExpressionPrompt'}, pack], referring
        ),
        'video_names': _Judge(*videos, [pack_frame], tracking),
    }
    if with_mask:
        masks = {'type': 'ReferringVOSMetric'}
        judges['video_sentences'] = _Judge(*videos, [pack_frame], masks)
    return judges.get(part.val.kind.source)


def _test_lines(plan: FineTuning) -> dict[str, Any]:
    """Test data, metrics and loop; validation while training is switched off."""
    base = plan.start.config
    lines: dict[str, Any] = {
        key: None
        for key in ('val_dataloader', 'val_evaluator', 'val_cfg')
        if base.get(key) is not None
    }
    pairs = [(part, _judge_of(part)) for part in plan.parts]
    if any(judge is None for _, judge in pairs):
        tests = ('test_dataloader', 'test_evaluator', 'test_cfg')
        return lines | {key: None for key in tests if base.get(key) is not None}
    datasets = [
        {
            'type': part.val.kind.dataset,
            **_files_of(part.val),
            'test_mode': True,
            'pipeline': [
                {'type': 'LoadImageOrExplain'},
                *_resizing(base, part, judge),
                *judge.after_loading,
            ],
        }
        for part, judge in pairs
    ]
    evaluators = [judge.evaluator for _, judge in pairs]
    dataset, evaluator = datasets[0], evaluators[0]
    if len(pairs) > 1:
        dataset = {'type': 'ConcatDataset', 'datasets': datasets}
        evaluator = {
            'type': 'MultiDatasetsEvaluator',
            'metrics': evaluators,
            'dataset_prefixes': [part.val.kind.source for part, _ in pairs],
        }
    judge = pairs[0][1]
    loader = {'batch_size': 1, 'num_workers': 1, 'sampler': judge.sampler}
    tests = {
        'test_dataloader': {**loader, 'dataset': dataset},
        'test_evaluator': evaluator,
        'test_cfg': {'type': judge.loop},
    }
    for key, value in tests.items():
        lines[key] = {'_delete_': True, **value} if key in base else value
    return lines


def _resizing(base: Config, part: OwnPart, judge: _Judge) -> list[dict[str, Any]]:
    """The step that resizes test images as the start model's own evaluation does."""
    if judge.loop == 'TestLoop':
        scale = InferenceScale(base).for_images()
    else:
        scale = InferenceScale(base).for_videos()
    if isinstance(scale, dict):
        is_sentence = part.val.kind.source == 'video_sentences'
        scale = scale['sentence' if is_sentence else 'names']
    if scale is None:
        return []
    keep = {'keep_ratio': True, 'backend': 'pillow'}
    return [{'type': 'Resize', 'scale': scale, **keep}]


# -------------------------------------------------------------------------------- files


def write_config(text: str, path: Path) -> None:
    """Write a text, whole or not at all; its folder is made.

    Raises:
        FileError: If it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as temporary:
        temporary.write_text(text, encoding='utf-8')


def figures_table(before: Mapping[str, float], after: Mapping[str, float]) -> str:
    """Figures of the start model and of the fine-tuned one, side by side.

    Args:
        before: By the names of the metrics; empty if nobody asked for them.
        after: The same.

    Returns:
        Lines: a header, then one for each of ``FIGURES`` that was measured.
    """
    lines = [f'{"":<22}  {"before":>6}  {"after":>6}']
    for key, name in FIGURES.items():
        found = [k for k in after if k == key or k.endswith('/' + key)]
        for full in found:
            start = f'{before[full]:.3f}' if full in before else '-'
            lines.append(f'{name:<22}  {start:>6}  {after[full]:6.3f}')
    return '\n'.join(lines)
