"""What the comparisons of arrays and of losses share: stored inputs, notes, ties."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from uninext.structures import Prompt, UninextDataSample, VisualPrompt
from uninext.testing.proposal_order import ProposalOrder, Tie
from uninext.testing.stored_numbers import Comparison, StoredNumbers


def caption_prompt(caption: str, group: str) -> Prompt:
    """The prompt of a stored caption, read as it is.

    Args:
        caption: Names joined with ``'. '``, or an expression.
        group: 'detection' for names; anything else is an expression.
    """
    if group != 'detection':
        return Prompt(caption, (caption,), ((0, len(caption)),), pooled=True)
    names, spans, start = caption.split('. '), [], 0
    for name in names:
        spans.append((start, start + len(name)))
        start += len(name) + 2
    return Prompt(caption, tuple(names), tuple(spans), pooled=False)


def sample_of(image: Tensor, prompt: Prompt | VisualPrompt) -> UninextDataSample:
    """A sample of an image (3, H, W) with its prompt."""
    size = tuple(image.shape[-2:])
    sample = UninextDataSample(
        metainfo=dict(img_shape=size, ori_shape=size, scale_factor=(1.0, 1.0))
    )
    sample.prompt = prompt
    return sample


def batch_of(images: list[Tensor], samples: list[UninextDataSample]) -> dict[str, Any]:
    """Stored images are RGB, our datasets give BGR."""
    return dict(inputs=[image.flip(0) for image in images], data_samples=samples)


def watched_proposals(model: nn.Module) -> ProposalOrder:
    """Let tied encoder proposals of a model be exchanged."""
    return ProposalOrder(
        model.bbox_head.cls_branches[-1], model.query_selector.num_queries
    )


def order_note(exchanged: list[Tie], num_swapped: int) -> str:
    """Say what was exchanged: tied proposals, and rows that were matched by box."""
    notes = []
    if exchanged:
        where = ', '.join(
            f'{t.rank}-{t.rank + 1} of image {t.image} (gap {t.gap:.0e})'
            for t in exchanged
        )
        notes.append(f'{len(exchanged)} tied pairs of proposals swapped: ranks {where}')
    if num_swapped:
        notes.append(f'{num_swapped} rows matched by box')
    return '; '.join(notes)


def absent(numbers: StoredNumbers, name: str, tolerance: float) -> Comparison:
    """A stored array that this model does not compute: as wrong as can be."""
    return Comparison(
        name, numbers.shape(name), float('inf'), tolerance, 'not computed by this model'
    )
