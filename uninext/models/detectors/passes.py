"""What goes through the transformer together, and what comes out.

Shape legend: R rows (an image with one of its prompts), Q queries, C channels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

from torch import Tensor

from uninext.models.heads import ImageTargets
from uninext.models.task_modules import PromptAssignment
from uninext.models.transformer import FeaturePyramid, SelectedQueries
from uninext.structures import Prompt, PromptFeatures

TOKENS_OF_A_PASS = 90_000  # of images; bounds the memory of a pass


class Pyramid(Protocol):
    """Features of images as a network keeps them; only itself looks into them.

    Attributes:
        num_tokens: Of an image.
    """

    @property
    def num_tokens(self) -> int: ...


class PromptRow(NamedTuple):
    """One row of a pass through the transformer: a prompt, or a part of it that fits.

    ``item`` is the place of the prompt in the list that was asked, ``label_offset`` the
    label of the part's first name.
    """

    item: int
    prompt: Prompt
    label_offset: int


class Decoded(NamedTuple):
    """What the transformer computed for R rows."""

    prompt: PromptFeatures
    memory: FeaturePyramid
    selected: SelectedQueries
    hidden_states: list[Tensor]
    references: list[Tensor]

    def without_denoising(self, num_denoising: int) -> Decoded:
        """The same without the denoising queries, which come first."""
        return self._replace(
            hidden_states=[h[:, num_denoising:] for h in self.hidden_states],
            references=[r[:, num_denoising:] for r in self.references],
        )


class Matched(NamedTuple):
    """What training found in a batch: the last layer's assignment."""

    decoded: Decoded
    targets: list[ImageTargets]
    assignment: PromptAssignment


def rows_that_fit(pyramid: Pyramid) -> int:
    """How many rows of the size of these images a pass takes."""
    return max(1, TOKENS_OF_A_PASS // pyramid.num_tokens)


def grouped(
    prompts: Sequence[Prompt],
    split: Callable[[Prompt], list[tuple[Prompt, int]]],
    max_rows: int,
) -> list[list[PromptRow]]:
    """Passes of at most ``max_rows`` prompts, or parts, of one kind.

    ``split`` gives the parts of a prompt, each with the label of its first name.
    """
    groups: dict[tuple, list[PromptRow]] = {}
    for item, prompt in enumerate(prompts):
        for part, offset in split(prompt):
            groups.setdefault((type(prompt), prompt.pooled), []).append(
                PromptRow(item, part, offset)
            )
    return [
        rows[i : i + max_rows]
        for rows in groups.values()
        for i in range(0, len(rows), max_rows)
    ]
