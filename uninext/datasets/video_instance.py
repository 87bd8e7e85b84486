"""Videos whose objects have category names: one sample per video.

Annotation file in, dictionaries with a ``VideoAnnotation`` out; ``SampleFramePair``
chooses frames.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from typing import Any

from mmengine.logging import print_log

from uninext.datasets.annotation_file import DatasetError
from uninext.datasets.detection import PromptCocoDataset, some_names
from uninext.datasets.video_annotation import VideoAnnotation, read_video_file
from uninext.registry import DATASETS


@DATASETS.register_module()
class VideoInstanceDataset(PromptCocoDataset):
    """Videos with boxes, ids and perhaps masks, in the layout of YouTube-VIS.

    Reads YouTube-VIS 2019 and 2021 and OVIS as they are downloaded, and what the
    converters of ``tools/dataset_converters`` write (BDD100K, MOT17, ...). Differs from
    :class:`PromptCocoDataset` in that a sample is a video: it has ``video``
    (:class:`VideoAnnotation`), ``video_id`` and ``classes``, and no boxes yet.

    In training, videos in which nothing is ever visible are left out. In test mode all
    videos stay, and the file may lack annotations.

    Args:
        *args: Of mmdet's ``CocoDataset`` (``ann_file``, ``data_root``, ...).
        **kwargs: Of mmdet's ``CocoDataset``.

    Raises:
        DatasetError: If the files are not what is expected.
    """

    def load_data_list(self) -> list[dict]:
        """Read the annotation file; one dictionary per sample."""
        content = read_video_file(self.ann_file, not self.test_mode, self.backend_args)
        self.cat2label = self._labels_of_categories(content)
        self.cat_ids = list(self.cat2label)
        annotations = defaultdict(list)
        for annotation in content.pop('annotations'):  # memory: freed video by video
            annotations[annotation['video_id']].append(annotation)
        data_list: list[dict] = []
        num_nowhere = 0
        for record in content['videos']:
            mine = annotations.pop(record['id'], [])
            samples = self.samples_of_video(record, mine)
            num_nowhere += len(mine) - (len(samples[0]['video'].ids) if samples else 0)
            data_list += samples
        self._warn(num_nowhere, 'objects are visible in no frame of their video')
        self._warn(
            sum(map(len, annotations.values())),
            f'annotations belong to {len(annotations)} videos that are not listed',
        )
        return data_list

    def samples_of_video(self, record: dict, annotations: list[dict]) -> list[dict]:
        """Samples made from one record of ``videos``; here one.

        Args:
            record: A record of the file's ``videos``.
            annotations: The records of ``annotations`` that belong to it.
        """
        video = VideoAnnotation.from_records(
            record,
            annotations,
            self.cat2label,
            self.data_prefix.get('img', self.data_root),
            self.ann_file,
        )
        sample = dict(video=video, video_id=record['id'])
        if 'name' in record:
            sample['video_name'] = record['name']
        return [sample]

    def filter_data_list(self, data_list: list[dict]) -> list[dict]:
        """Leave out videos without a visible object; nothing in test mode.

        Raises:
            DatasetError: If nothing is left.
        """
        if self.test_mode:
            return data_list
        kept = [info for info in data_list if info['video'].presence.any()]
        self._warn(len(data_list) - len(kept), 'videos show no object in any frame')
        if not kept:
            raise DatasetError(
                f'No sample is left of the {len(data_list)} of {self.ann_file}: no '
                'video shows an object of the classes '
                f'{some_names(self.metainfo["classes"])}.'
            )
        return kept

    def probed_path(self, info: dict) -> str:
        """The middle frame of a video, whose presence on disk is looked at."""
        return info['video'].path(len(info['video']) // 2)

    def _warn(self, count: int, what: str) -> None:
        if count:
            print_log(
                f'{self.ann_file}: {count} {what}; they are left out.',
                logger='current',
                level=logging.WARNING,
            )

    def _one_label(self, content: dict) -> dict[Any, int]:
        """Category id -> 0, for sets in which every category is the one class."""
        return {category['id']: 0 for category in content['categories']}
