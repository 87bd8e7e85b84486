"""Videos with sentences: one sample per object that sentences refer to.

Annotation file in, dictionaries with a ``VideoAnnotation`` and sentences out. In the
file, every record of ``videos`` stands for one referred object and lists its sentences
as ``expressions``.
"""

from __future__ import annotations

from typing import Any

from uninext.datasets.annotation_file import DatasetError
from uninext.datasets.referring import checked_expressions
from uninext.datasets.video_instance import VideoInstanceDataset
from uninext.registry import DATASETS


@DATASETS.register_module()
class ReferringVideoDataset(VideoInstanceDataset):
    """Objects of videos that sentences refer to (Ref-YouTube-VOS, Ref-DAVIS).

    In training a sample is an object with all its ``expressions``. In test mode a
    sample is one expression, and the file may lack annotations or have several for a
    record. All labels are 0, and what is referred to is never ignored.

    Samples carry what those of :class:`VideoInstanceDataset` do, ``expressions``, and,
    where the record has ``video`` and ``exp_id``, these as ``video_name`` and
    ``exp_id``.

    Raises:
        DatasetError: If a record has no sentence, or in training not exactly one
            annotation.
    """

    METAINFO: dict[str, Any] = {'classes': ('object',)}

    def samples_of_video(self, record: dict, annotations: list[dict]) -> list[dict]:
        """One sample in training, one per expression in test mode."""
        where = f'{self.ann_file}: videos record with id {record["id"]}'
        expressions = checked_expressions(record, where)
        if not self.test_mode and len(annotations) != 1:
            raise DatasetError(
                f'{where} has {len(annotations)} annotations; expected exactly one: '
                'each record stands for one referred object.'
            )
        annotations = [{**a, 'iscrowd': 0, 'ignore': 0} for a in annotations]
        (sample,) = super().samples_of_video(record, annotations)
        if 'video' in record:
            sample['video_name'] = record['video']
        if 'exp_id' in record:
            sample['exp_id'] = record['exp_id']
        if not self.test_mode:
            return [{**sample, 'expressions': expressions}]
        return [{**sample, 'expressions': [sentence]} for sentence in expressions]

    def _labels_of_categories(self, content: dict) -> dict[Any, int]:
        return self._one_label(content)
