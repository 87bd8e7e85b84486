"""Every rank gets whole videos, frame by frame."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from typing import Any

from mmengine.dist import get_dist_info
from torch.utils.data import ConcatDataset, Sampler

from uninext.registry import DATA_SAMPLERS


@DATA_SAMPLERS.register_module()
class WholeVideoSampler(Sampler[int]):
    """Spread whole videos over the ranks; frames of a video come in order.

    The longest video goes first, each to the rank with the fewest frames so far. Every
    frame is drawn once, by one rank; a rank without a video draws nothing.

    Args:
        dataset: A video dataset in test mode (``video_starts``), or several of them
            in a ``ConcatDataset``.
        seed: Not used: mmengine gives one to every sampler.

    Raises:
        ValueError: If the dataset has no videos to keep whole.
    """

    def __init__(self, dataset: Any, seed: int | None = None) -> None:
        rank, num_ranks = get_dist_info()
        spans = video_spans(dataset)
        self.spans = [spans[v] for v in share_videos(spans, num_ranks)[rank]]

    def __iter__(self) -> Iterator[int]:
        for start, end in self.spans:
            yield from range(start, end)

    def __len__(self) -> int:
        return sum(end - start for start, end in self.spans)


def video_spans(dataset: Any) -> list[tuple[int, int]]:
    """First frame of each video and the one after its last, as indices.

    Raises:
        ValueError: If the dataset has no videos to keep whole.
    """
    if isinstance(dataset, ConcatDataset):
        offsets = [0, *dataset.cumulative_sizes]
        return [
            (offset + start, offset + end)
            for offset, part in zip(offsets, dataset.datasets)
            for start, end in video_spans(part)
        ]
    if not hasattr(dataset, 'video_starts') or not getattr(dataset, 'test_mode', False):
        raise ValueError(
            f'WholeVideoSampler needs a video dataset with test_mode=True, got '
            f'{type(dataset).__name__}. Use DefaultSampler for images.'
        )
    starts = dataset.video_starts.tolist()
    return list(zip(starts[:-1], starts[1:]))


def share_videos(spans: list[tuple[int, int]], num_ranks: int) -> list[list[int]]:
    """Positions of the videos of each rank, in order."""
    shares: list[list[int]] = [[] for _ in range(num_ranks)]
    heap = [(0, rank) for rank in range(num_ranks)]
    by_length = sorted(range(len(spans)), key=lambda v: spans[v][0] - spans[v][1])
    for video in by_length:
        frames, rank = heapq.heappop(heap)
        shares[rank].append(video)
        heapq.heappush(heap, (frames + spans[video][1] - spans[video][0], rank))
    return [sorted(share) for share in shares]
