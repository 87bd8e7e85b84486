"""Choose two frames of a video, or see an image twice."""

from __future__ import annotations

import numpy as np

from uninext.datasets.transforms.base import NamedTransform
from uninext.registry import TRANSFORMS

MAX_TRIES = 10


@TRANSFORMS.register_module()
class SampleFramePair(NamedTransform):
    """Draw a frame and one near it: the earlier is the key, the later the reference.

    The first is drawn uniformly, the second uniformly among the others at most
    ``frame_range`` frames away. A pair counts if each of the two shows an object, not
    necessarily the same one; else another is drawn from this video, at most
    ``MAX_TRIES`` times, then from another video.

    An image, or a video of one frame, becomes a pair of the same image twice: crops
    of their own make a pseudo video of it.

    Follows: method section 3.2. Differs in that a pair that does not count does not
    cost the video its turn.

    Required keys: ``video``; or those of an image sample.
    Added keys: ``frames``: key and reference frame, image samples with
    ``instance_id`` in their ``instances``, and all other keys of the sample.

    Args:
        frame_range: Farthest distance in frames.

    Raises:
        ValueError: If the range is not a positive integer.
    """

    def __init__(self, frame_range: int = 10) -> None:
        if not isinstance(frame_range, int) or frame_range < 1:
            raise ValueError(
                f'frame_range is {frame_range!r}; expected an integer of at least 1.'
            )
        self.frame_range = frame_range

    def transform(self, results: dict) -> dict | None:
        """Choose the frames; None if none were found that count."""
        video = results.get('video')
        if video is None:
            frames = [_image_frame(results) for _ in range(2)]
            return dict(frames=frames)
        pair = self._draw(video.shown)
        if pair is None:
            return None
        shared = {key: value for key, value in results.items() if key != 'video'}
        return dict(frames=[{**shared, **video.frame(index)} for index in pair])

    def _draw(self, counts: np.ndarray) -> tuple[int, int] | None:
        """Two frame indices in order; ``counts`` (T,) bool."""
        length = len(counts)
        if length == 1:
            return (0, 0) if counts[0] else None
        for _ in range(MAX_TRIES):
            first = np.random.randint(length)
            low = max(first - self.frame_range, 0)
            high = min(first + self.frame_range, length - 1)
            second = np.random.randint(low, high)
            second += second >= first  # passes over the first
            if counts[first] and counts[second]:
                return min(first, second), max(first, second)
        return None


def _image_frame(results: dict) -> dict:
    instances = [
        {**instance, 'instance_id': position}
        for position, instance in enumerate(results['instances'])
    ]
    return {**results, 'instances': instances, 'frame_id': 0}
