"""What is decided before a fine-tuning: the model to start from, data, numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mmengine.config import Config

from uninext.checkpoint import load_file, state_dict_of
from uninext.fine_tuning.data import OwnPart
from uninext.model_zoo import (
    CHECKPOINT_SUFFIXES,
    MODEL_ZOO,
    config_path,
    resolve_model,
)

ROUNDS, FEWEST_ITERS, MOST_ITERS = 12, 300, 5000  # where nothing is said
DEFAULT_BATCH_SIZE = 2
TEXT_ENCODER = 'prompt_generator.text_encoder.'
_HEADS = 'bbox_head|mask_head|embed_head'
BACKBONES = ['^backbone', '^prompt_generator', '^visual_prompt_generator.backbone']
# What is not learned, by the name of the choice: regular expressions of parameters.
# The heads hold the projection of prompts, by which instances are retrieved.
FREEZE = {
    'none': [],
    'backbone': BACKBONES,
    'all-but-heads': [f'^(?!({_HEADS}))'],
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
        parts: What is learned from and evaluated by, a part for each kind.
        work_dir: Of the run.
        num_iters: Iterations.
        batch_size: Samples of an iteration.
        lr: Learning rate; None: that of the start model's config.
        freeze: Key of ``FREEZE``.
        val_expressions: Images are evaluated by the first so many expressions; None:
            by all.
    """

    start: StartModel
    parts: Sequence[OwnPart]
    work_dir: Path
    num_iters: int
    batch_size: int = DEFAULT_BATCH_SIZE
    lr: float | None = None
    freeze: str = 'none'
    val_expressions: int | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be meant.

        Raises:
            ValueError: If a number is not positive or ``freeze`` is unknown.
        """
        names = ('batch_size', 'lr', 'val_expressions')
        check_numbers(iters=self.num_iters, **{n: getattr(self, n) for n in names})
        if self.freeze not in FREEZE:
            raise ValueError(
                f'--freeze must be one of {", ".join(FREEZE)}, got {self.freeze!r}.'
            )

    @property
    def is_evaluated(self) -> bool:
        """Whether anything can be evaluated: expressions of videos need masks."""
        return all(
            part.val.has_all_masks or part.val.kind.source != 'video_expressions'
            for part in self.parts
        )

    @property
    def learns_masks_from_boxes(self) -> bool:
        """Whether some objects have no mask, and the model has masks to learn."""
        has_head = self.start.config.model.get('mask_head') is not None
        return has_head and not all(p.train.has_all_masks for p in self.parts)


def check_numbers(**options: float | None) -> None:
    """Refuse numbers that cannot be meant; None: nothing was said.

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
        weights = MODEL_ZOO[model].checkpoint if model in MODEL_ZOO else model
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
