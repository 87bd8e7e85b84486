"""What samplers know about the samples of a dataset without loading them.

Sample dictionaries in, flat arrays out. N samples.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class SamplingTable:
    """Arrays over the samples of a dataset.

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
        for info in infos:
            video = info.get('video')
            if video is None:
                size = info['height'], info['width']
                has_masks.append(info.get('has_masks', False))
                valued = [i for i in info['instances'] if not i['ignore_flag']]
                present = sorted({i['bbox_label'] for i in valued})
            else:
                size = video.height, video.width
                has_masks.append(video.has_masks)
                present = np.unique(video.labels[~video.ignored]).tolist()
            landscape.append(size[1] > size[0])
            labels += present
            counts.append(len(present))
        return cls(
            landscape=np.array(landscape, dtype=bool),
            has_masks=np.array(has_masks, dtype=bool),
            labels=np.array(labels, dtype=np.int32),
            offsets=np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
        )

    def __len__(self) -> int:
        return len(self.landscape)

    def groups(self) -> np.ndarray:
        """(N,) int64: samples of one batch share it (orientation, masks or none)."""
        return self.landscape.astype(np.int64) + 2 * self.has_masks.astype(np.int64)
