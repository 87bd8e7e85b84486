"""Videos with targets to track: one sample per video, in tests per frame.

``SampleTarget`` chooses one of the targets; in test mode frames say which appear.
"""

from __future__ import annotations

from typing import Any

import torch

from uninext.datasets.video_annotation import VideoAnnotation
from uninext.datasets.video_instance import VideoInstanceDataset
from uninext.formats.errors import DatasetError
from uninext.formats.rle import decode_segmentation
from uninext.registry import DATASETS
from uninext.structures import PromptStart, Target

TARGET_KINDS = ('box', 'mask')


@DATASETS.register_module()
class SingleObjectDataset(VideoInstanceDataset):
    """Targets given by their first box or mask (LaSOT, GOT-10k, YouTube-VOS, ...).

    Differs from :class:`VideoInstanceDataset` in that all labels are 0, whatever
    categories the file has: a target is asked for by how it looks. A frame in which a
    target is out of view has no box in the file and is not used (the published code
    never reads those flags).

    In test mode each target is shown by the first frame in which it counts. Numbers of
    targets (``instance_id``) are the file's ``object_id``, those of the benchmark's
    images, or else count from 1 in each video.

    Args:
        *args: Of :class:`VideoInstanceDataset`.
        target: ``'box'`` or ``'mask'``: how targets are shown in test mode.
        **kwargs: Of :class:`VideoInstanceDataset`.

    Raises:
        ValueError: If ``target`` is unknown.
    """

    METAINFO: dict[str, Any] = {'classes': ('object',)}
    CLASS_AGNOSTIC = True
    NO_PAIR = 'no target in two frames'

    def __init__(self, *args: Any, target: str = 'box', **kwargs: Any) -> None:
        if target not in TARGET_KINDS:
            raise ValueError(f'target must be one of {TARGET_KINDS}, got {target!r}.')
        self.target = target
        super().__init__(*args, **kwargs)

    def samples_of_video(self, record: dict, annotations: list[dict]) -> list[dict]:
        """One sample; in test mode with the benchmark's numbers of its targets."""
        if self.test_mode:
            annotations = [
                {**annotation, 'id': annotation.get('object_id', number)}
                for number, annotation in enumerate(annotations, start=1)
            ]
        return super().samples_of_video(record, annotations)

    def has_pair(self, video: VideoAnnotation) -> bool:
        """Whether training can make a pair: two frames with the same target."""
        return len(video) == 1 or bool((video.num_shown > 1).any())

    def prompt_starts(self, info: dict, index: int) -> list[PromptStart]:
        """The targets that are seen for the first time.

        Raises:
            DatasetError: If masks are wanted and one is not known.
        """
        video = info['video']
        numbers = set(video.ids[video.first_shown == index].tolist())
        if not numbers:
            return []
        frame = video.frame(index)
        return [
            PromptStart(self._target(instance, frame), instance['instance_id'])
            for instance in frame['instances']
            if instance['instance_id'] in numbers
        ]

    def _target(self, instance: dict, frame: dict) -> Target:
        if self.target == 'box':
            return Target(box_xyxy=torch.tensor(instance['bbox']))
        if 'mask' not in instance:
            raise DatasetError(
                f'{self.ann_file}: target {instance["instance_id"]} has no mask in '
                f"{frame['img_path']}. Set target='box', or give 'segmentations'."
            )
        mask = decode_segmentation(instance['mask'], frame['height'], frame['width'])
        return Target(mask=torch.from_numpy(mask))
