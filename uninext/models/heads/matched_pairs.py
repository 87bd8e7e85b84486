"""Matched (query, object) pairs of all decoder layers and images, as losses take them.

Shape legend: D decoder layers, B images, Q queries, G objects of an image, L prompt
embeddings, M pairs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor

from uninext.models.task_modules import pad_objects


@dataclass(frozen=True)
class MatchedPairs:
    """The pairs, ascending by image, then layer, then query.

    Attributes:
        layer_inds, image_inds, query_inds: (M,) int64, where the query is.
        gt_inds: (M,) int64, the object of the image.
        counts: (D,) float32, pairs of each layer.
    """

    layer_inds: Tensor
    image_inds: Tensor
    query_inds: Tensor
    gt_inds: Tensor
    counts: Tensor

    def __len__(self) -> int:
        return len(self.gt_inds)

    @classmethod
    def from_gt_inds(cls, gt_inds: Tensor) -> MatchedPairs:
        """Pairs of a (D, B, Q) assignment, -1: no object; waits for the device once."""
        images, layers, queries = (gt_inds.transpose(0, 1) >= 0).nonzero().unbind(1)
        counts = (gt_inds >= 0).sum((1, 2)).float()
        gts = gt_inds[layers, images, queries]
        return cls(layers, images, queries, gts, counts)

    def of_queries(self, values: Tensor) -> Tensor:
        """What (D, B, Q, ...) values hold for the pairs' queries; (M, ...)."""
        return values[self.layer_inds, self.image_inds, self.query_inds]

    def of_objects(self, values: Sequence[Tensor]) -> Tensor:
        """What (G_i, ...) values of images hold for the pairs' objects; (M, ...)."""
        return pad_objects(values)[self.image_inds, self.gt_inds]

    def sum_by_layer(self, values: Tensor) -> Tensor:
        """Sums (D,) of the (M,) values of pairs."""
        zeros = values.new_zeros(len(self.counts))
        return zeros.index_add(0, self.layer_inds, values)


def named_by_layer(
    losses: dict[str, Tensor], layers: Sequence[int], suffix: str = ''
) -> dict[str, Tensor]:
    """Losses (D,) as scalars: the last layer's without, others with their number.

    Args:
        losses: By name.
        layers: In the order that the result shall have.
        suffix: Comes before the number.
    """
    last = max(layers)
    return {
        name + suffix + ('' if i == last else f'_{i}'): values[i]
        for i in layers
        for name, values in losses.items()
    }
