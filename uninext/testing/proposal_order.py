"""Take encoder proposals of equal score in another order.

The decoder gives its i-th content query to the i-th best proposal. Where two scores
differ by less than float noise, two right implementations may order them differently,
and then the two queries truly come out different. This tells where that can happen, and
takes such a pair the other way round.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import torch
from torch import Tensor, nn

# Of float32 scores after a backbone and the encoder, relative to the largest. Pairs of
# ConvNeXt-L come out swapped up to 1.4e-6.
NOISE = 4e-6
_Result = TypeVar('_Result')


class Tie(NamedTuple):
    """Proposals of ranks ``rank`` and ``rank + 1`` of an image score the same.

    Attributes:
        image: Index in the batch.
        rank: Of the better one, 0 the best.
        gap: Difference of their scores.
    """

    image: int
    rank: int
    gap: float


class ProposalOrder:
    """Watch the classifier of encoder proposals, and exchange pairs on demand.

    Use it as a context manager around runs of the model.

    Args:
        classifier: Module that maps memory (B, N, C) to scores (B, N, 1).
        num_queries: How many proposals the selector chooses, by ``topk``.

    Attributes:
        exchanged: Pairs to take the other way round in the runs to come.
    """

    def __init__(self, classifier: nn.Module, num_queries: int) -> None:
        self.classifier = classifier
        self.num_queries = num_queries
        self.exchanged: list[Tie] = []
        self._scores = torch.zeros(0, 0)  # (B, N) of the last run, if there was one

    @classmethod
    def of(cls, model: nn.Module) -> ProposalOrder:
        """That of a whole network."""
        return cls(model.bbox_head.cls_branches[-1], model.query_selector.num_queries)

    def __enter__(self) -> ProposalOrder:
        self._handle = self.classifier.register_forward_hook(self._hook)
        return self

    def __exit__(self, *error: object) -> None:
        self._handle.remove()

    def _order(self, scores: Tensor) -> Tensor:
        """Proposals as the selector ranks them: equal scores in the order of topk."""
        chosen = scores.topk(min(self.num_queries, len(scores))).indices
        others = scores.index_fill(0, chosen, -torch.inf).argsort(descending=True)
        return torch.cat([chosen, others[: len(scores) - len(chosen)]])

    def ties(self) -> list[Tie]:
        """Pairs of the last run that noise may have ordered, closest first.

        The last of the chosen may tie with the first that is not.
        """
        found = []
        for image, scores in enumerate(self._scores):
            ranked = scores.sort(descending=True).values[: self.num_queries + 1]
            gaps = ranked[:-1] - ranked[1:]
            for rank in (gaps <= NOISE * scores.abs().max()).nonzero()[:, 0].tolist():
                found.append(Tie(image, rank, gaps[rank].item()))
        return sorted(found, key=lambda tie: tie.gap)

    def _hook(self, module: nn.Module, args: tuple, output: Tensor) -> Tensor:
        self._scores = output.detach()[..., 0].clone()
        output = output.clone()
        for tie in self.exchanged:
            scores = output[tie.image, :, 0]
            order = self._order(self._scores[tie.image])
            first, second = order[tie.rank], order[tie.rank + 1]
            high, low = scores[first].clone(), scores[second].clone()
            if high == low:
                high = torch.nextafter(high, torch.full_like(high, torch.inf))
            scores[first], scores[second] = low, high
        return output


def in_best_order(
    model: nn.Module,
    run: Callable[[], _Result],
    badness: Callable[[_Result], Any],
    may_help: Callable[[_Result, Tie], bool],
    most: int | None = None,
) -> tuple[_Result, str]:
    """Run a model; where it disagrees, take tied proposals the other way round.

    Args:
        model: The network that ``run`` asks.
        run: Gives a result.
        badness: Of a result; a pair stays exchanged if this becomes smaller.
        may_help: Whether to try a pair, given the best result so far.
        most: Pairs to look at, one after another; None: all.

    Returns:
        The best result, and a note of what is exchanged in it.
    """
    with ProposalOrder.of(model) as proposals:
        best = run()
        for tie in proposals.ties()[:most]:
            if not may_help(best, tie):
                continue
            proposals.exchanged.append(tie)
            again = run()
            if badness(again) < badness(best):
                best = again
            else:
                proposals.exchanged.remove(tie)
    return best, _note(proposals.exchanged)


def _note(exchanged: list[Tie]) -> str:
    if not exchanged:
        return ''
    where = ', '.join(
        f'{t.rank}-{t.rank + 1} of image {t.image} (gap {t.gap:.0e})' for t in exchanged
    )
    return f'{len(exchanged)} tied pairs of proposals swapped: ranks {where}'
