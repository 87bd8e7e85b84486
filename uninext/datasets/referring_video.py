"""Videos with expressions: one sample per referred object, in tests per frame.

In the file, every record of ``videos`` stands for one referred object and lists its
expressions as ``expressions``; files for tests may have one record per expression, or
all expressions of a video in one.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from uninext.datasets.referring import checked_expressions
from uninext.datasets.video_instance import VideoInstanceDataset
from uninext.formats.errors import DatasetError
from uninext.registry import DATASETS
from uninext.structures import Prompt, PromptStart


@DATASETS.register_module()
class ReferringVideoDataset(VideoInstanceDataset):
    """Objects of videos that expressions refer to (Ref-YouTube-VOS, Ref-DAVIS).

    In training a sample is an object with all its ``expressions``. All labels are 0,
    and what is referred to is never ignored.

    In test mode a sample is a frame, in which all expressions of a record are asked for
    at once and evaluated one by one. ``exp_id`` of an expression is that of the record,
    else the number of the object (``object_ids``), else its place; its ``object_id`` is
    the ``instance_id`` of the annotation that is meant, None if that is not known.
    Records with the same ``video`` and frames become one. The file may lack
    annotations; where a record has several, they belong to the expressions one by one.

    Raises:
        DatasetError: If a record has no expression, or not exactly one annotation (in
            test mode: nor none, nor one per expression).
    """

    METAINFO: dict[str, Any] = {'classes': ('object',)}
    CLASS_AGNOSTIC = True

    def samples_of_video(self, record: dict, annotations: list[dict]) -> list[dict]:
        """One sample."""
        annotations = [{**a, 'iscrowd': 0, 'ignore': 0} for a in annotations]
        (sample,) = super().samples_of_video(record, annotations)
        if 'video' in record:
            sample['video_name'] = record['video']
        if self.test_mode:
            return [{**sample, 'referred': record['referred']}]
        expressions = self._expressions(record, annotations, {1})
        return [{**sample, 'expressions': expressions}]

    def prepare_content(self, content: dict[str, list]) -> dict[str, list]:
        """In test mode, let the expressions of a video meet in one record."""
        if not self.test_mode:
            return content
        annotations = defaultdict(list)
        for number, annotation in enumerate(content['annotations'], start=1):
            annotation.setdefault('id', number)
            annotations[annotation['video_id']].append(annotation)
        records: dict[tuple, dict] = {}
        for record in content['videos']:
            mine = annotations[record['id']]
            expressions = self._expressions(record, mine)
            key = (record['id'],)
            if 'video' in record:
                key = record['video'], *record['file_names']
            first = records.setdefault(key, {**record, 'referred': []})
            first['referred'] += self._referred(record, expressions, mine)
            for annotation in mine:
                annotation['video_id'] = first['id']
        return {**content, 'videos': list(records.values())}

    def prompt_starts(self, info: dict, index: int) -> list[PromptStart]:
        """All expressions, from the first frame on."""
        if index:
            return []
        return [
            PromptStart(
                Prompt.from_expression(expression),
                instance_id,
                dict(exp_id=exp_id, expression=expression),
            )
            for exp_id, expression, instance_id in info['referred']
        ]

    def _expressions(
        self, record: dict, annotations: list[dict], allowed: set[int] | None = None
    ) -> list[str]:
        """The expressions of a record, whose annotations are as many as is allowed."""
        where = f'{self.ann_file}: videos record with id {record["id"]}'
        expressions = checked_expressions(record, where)
        if len(annotations) in (allowed or {0, 1, len(expressions)}):
            return expressions
        expected = 'exactly one: each record stands for one referred object.'
        if allowed is None:
            expected = f'none, one, or {len(expressions)}, one per expression.'
        raise DatasetError(
            f'{where} has {len(annotations)} annotations; expected {expected}'
        )

    def _referred(
        self, record: dict, expressions: list[str], annotations: list[dict]
    ) -> list[list[Any]]:
        """``exp_id``, expression and ``instance_id`` of the expressions of a record."""
        count = len(expressions)
        ids = record.get('exp_id', record.get('object_ids'))
        if not isinstance(ids, list):
            ids = [ids] if count == 1 and ids is not None else list(range(count))
        if len(ids) != count:
            raise DatasetError(
                f'{self.ann_file}: videos record with id {record["id"]} has {count} '
                f'expressions, but {len(ids)} ids of them: {ids}.'
            )
        objects = [annotation['id'] for annotation in annotations] or [None]
        if len(objects) == 1:
            objects = objects * count
        return list(map(list, zip(map(str, ids), expressions, objects)))
