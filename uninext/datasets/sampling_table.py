"""What samplers know about the samples of a dataset without loading them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class SamplingTable:
    """Arrays over the N samples of a dataset.

    Attributes:
        landscape: (N,) bool, True where the original image is wider than high.
        has_masks: (N,) bool, True where masks of all objects are known.
        labels: Labels present in each sample, each label once, one sample after the
            other; int32.
        offsets: (N + 1,) int64; labels of sample ``i`` are
            ``labels[offsets[i]:offsets[i + 1]]``.
    """

    landscape: np.ndarray
    has_masks: np.ndarray
    labels: np.ndarray
    offsets: np.ndarray

    @classmethod
    def from_infos(cls, infos: Iterable[dict]) -> SamplingTable:
        """Collect the arrays from sample dictionaries of our datasets.

        A sample is an image, or a video (``video``, a ``VideoAnnotation``).
        """
        landscape, has_masks, labels, counts = [], [], [], []
        for is_landscape, with_masks, present in map(_row, infos):
            distinct = sorted(set(map(int, present)))
            landscape.append(is_landscape)
            has_masks.append(with_masks)
            labels += distinct
            counts.append(len(distinct))
        return cls(
            landscape=np.array(landscape, dtype=bool),
            has_masks=np.array(has_masks, dtype=bool),
            labels=np.array(labels, dtype=np.int32),
            offsets=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        )

    def __len__(self) -> int:
        return len(self.landscape)

    def groups(self) -> np.ndarray:
        """(N,) int8: samples of one batch share it (orientation, masks or none)."""
        return self.landscape.astype(np.int8) + 2 * self.has_masks.astype(np.int8)


def _row(info: dict) -> tuple[bool, bool, Sequence[int]]:
    video = info.get('video')
    if video is not None:
        labels = video.labels[~video.ignored]
        return video.width > video.height, video.has_masks, labels
    labels = [i['bbox_label'] for i in info['instances'] if not i['ignore_flag']]
    return info['width'] > info['height'], info.get('has_masks', False), labels
