"""Referring expressions: one sample per object that expressions refer to.

In the file, every record of ``images`` stands for
one referred object: record ids are unique, ``file_name`` repeats, ``expressions`` lists
the expressions, and one record of ``annotations`` belongs to it. The converters of
``tools/dataset_converters`` write it.
"""

from __future__ import annotations

from typing import Any

from uninext.datasets.detection import PromptCocoDataset
from uninext.formats.errors import DatasetError
from uninext.registry import DATASETS
from uninext.structures import clean_expression


@DATASETS.register_module()
class ReferringDataset(PromptCocoDataset):
    """Objects that expressions refer to (RefCOCO, RefCOCO+, RefCOCOg and the like).

    In training a sample is an object with all its ``expressions``, one of which
    :class:`SampleExpressionPrompt` draws. In test mode a sample is one expression, so
    that every expression counts and the result does not depend on chance (the published
    code draws one at random in testing too).

    Samples carry what those of :class:`PromptCocoDataset` do, and ``expressions``.
    ``img_id`` is the id of the record. All labels are 0, whatever categories the file
    has.

    Raises:
        DatasetError: If a record has no expression, or not exactly one annotation.
    """

    METAINFO: dict[str, Any] = {'classes': ('object',)}
    CLASS_AGNOSTIC = True

    def samples_of_image(self, image: dict, annotations: list[dict]) -> list[dict]:
        """One sample in training, one per expression in test mode."""
        where = f'{self.ann_file}: images record with id {image["id"]}'
        expressions = checked_expressions(image, where)
        if len(annotations) != 1:
            raise DatasetError(
                f'{where} has {len(annotations)} annotations; expected exactly one: '
                'each record stands for one referred object.'
            )
        (sample,) = super().samples_of_image(image, annotations)
        for instance in sample['instances']:
            instance['ignore_flag'] = 0  # what is referred to is never ignored
        masks = ['mask' in instance for instance in sample['instances']]
        sample.update(has_masks=bool(masks) and all(masks), is_empty=False)
        if not self.test_mode:
            return [{**sample, 'expressions': expressions}]
        return [{**sample, 'expressions': [expression]} for expression in expressions]


def checked_expressions(record: dict, where: str) -> list[str]:
    """The expressions of a record.

    Raises:
        DatasetError: If there are none, or one has no word in it.
    """
    expressions = record.get('expressions')
    if not isinstance(expressions, list) or not all(
        isinstance(e, str) and clean_expression(e).strip() for e in expressions
    ):
        raise DatasetError(
            f"{where} has 'expressions' {expressions!r}; expected a list of "
            'expressions. Convert the dataset with tools/dataset_converters/.'
        )
    if not expressions:
        raise DatasetError(f'{where} has an empty list of expressions.')
    return expressions
