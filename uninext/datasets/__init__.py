"""From annotation files to samples.

``detection`` and ``referring`` read one annotation format of images each,
``video_instance``, ``single_object`` and ``referring_video`` one of videos; a video is
a ``VideoAnnotation`` until a pair of its frames is chosen. ``transforms`` turn their
dictionaries into samples, ``multi_task_dataset`` puts several sets together,
``samplers`` choose the batches.
"""

from uninext.datasets import samplers, transforms
from uninext.datasets.detection import PromptCocoDataset, PromptObjects365V2Dataset
from uninext.datasets.image_files import UnreadableImageError
from uninext.datasets.multi_task_dataset import MultiTaskDataset, SampleDraw
from uninext.datasets.referring import ReferringDataset
from uninext.datasets.referring_video import ReferringVideoDataset
from uninext.datasets.sampling_table import SamplingTable
from uninext.datasets.single_object import SingleObjectDataset
from uninext.datasets.video_annotation import VideoAnnotation
from uninext.datasets.video_instance import VideoInstanceDataset
from uninext.formats.errors import DatasetError

__all__ = [
    'DatasetError',
    'MultiTaskDataset',
    'PromptCocoDataset',
    'PromptObjects365V2Dataset',
    'ReferringDataset',
    'ReferringVideoDataset',
    'SampleDraw',
    'SamplingTable',
    'SingleObjectDataset',
    'UnreadableImageError',
    'VideoAnnotation',
    'VideoInstanceDataset',
    'samplers',
    'transforms',
]
