"""Apply transforms of images to the frames of a clip."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import nullcontext

from mmcv.transforms import BaseTransform, Compose
from mmcv.transforms.utils import cache_random_params

from uninext.datasets.transforms.base import NamedTransform
from uninext.registry import TRANSFORMS


@TRANSFORMS.register_module()
class ForEachFrame(NamedTransform):
    """Apply transforms to every frame of a clip.

    Differs from mmcv's ``TransformBroadcaster`` in that frames are whole samples of
    their own, and that a frame that is rejected rejects the clip.

    Follows: method section 3.2 (same size and flip for both frames, crops of their
    own).

    Required keys: ``frames``. Changed: the frames.

    Args:
        transforms: Configs of image transforms.
        share_random_params: Same random choices for all frames: for resizing and
            flipping. Frames of one size then stay of one size.
    """

    def __init__(
        self, transforms: Sequence[dict], share_random_params: bool = False
    ) -> None:
        self.transforms = Compose(list(transforms))
        self.share_random_params = share_random_params

    def __iter__(self) -> Iterator[BaseTransform]:
        return iter(self.transforms)

    def transform(self, results: dict) -> dict | None:
        """Transform the frames; None if one of them is rejected."""
        shared = self.share_random_params
        with cache_random_params(self.transforms) if shared else nullcontext():
            frames = []
            for frame in results['frames']:
                transformed = self.transforms(frame)
                if transformed is None:
                    return None
                frames.append(transformed)
        results['frames'] = frames
        return results
