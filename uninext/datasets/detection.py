"""Detection sets in COCO format: one sample per image, asked for by category names."""

from __future__ import annotations

import logging
import os.path as osp
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from mmdet.datasets import CocoDataset
from mmdet.datasets.objects365 import objv2_ignore_list
from mmengine.logging import print_log

from uninext.datasets.image_files import (
    UnreadableImageError,
)
from uninext.datasets.indexed_samples import IndexedSamples
from uninext.formats.coco import (
    category_names,
    checked_coco,
    read_annotations,
    valid_segmentation,
)
from uninext.formats.errors import DatasetError
from uninext.registry import DATASETS

# Keys of files that take a part of the memory, and that no dataset reads.
UNREAD = (
    *('area', 'isfake', 'isreflected', 'license', 'date_captured'),
    *('url', 'coco_url', 'flickr_url'),
)


@DATASETS.register_module()
class PromptCocoDataset(IndexedSamples, CocoDataset):
    """Any detection set whose annotations are one COCO-format JSON file.

    Differs from mmdet's :class:`CocoDataset` in that

    * ``classes`` default to the categories of the file, in its order (give
      ``metainfo=dict(classes=(...))`` for a subset; the order is the file's, because
      :class:`CocoMetric` counts in that order);
    * the file and a sample of the images are checked when the dataset is built, with
      errors that say what to do (:class:`DatasetError`); other formats are read by
      a subclass with its own :meth:`read_content`;
    * an image that cannot be read is logged once and skipped in training, and is an
      error that names the file in testing;
    * a sample tells ``has_masks``: masks of all its objects are known (without an
      object: whether the file has masks), and ``is_empty``: nothing is annotated in
      it, not even an ignored object; it teaches absence.

    Objects with ``iscrowd`` or ``ignore`` are kept as ignored. The samples that enter
    the pipeline carry ``img_path, img_id, height, width, instances, has_masks,
    is_empty, classes``; boxes are xyxy in pixels of the original image.

    Args:
        *args: Of mmdet's ``CocoDataset`` (``ann_file``, ``data_root``, ...).
        filter_cfg: Of training only. ``filter_empty_gt``: leave out images without any
            object. ``min_size``: leave out images with a shorter side than this.
        **kwargs: Of mmdet's ``CocoDataset``.

    Raises:
        DatasetError: If the files are not what is expected.
    """

    METAINFO: dict[str, Any] = {}
    CLASS_AGNOSTIC = False  # True: all categories of the file are the one class

    @property
    def image_folder(self) -> str:
        """What precedes the file names: ``data_prefix['img']``, else ``data_root``."""
        return self.data_prefix.get('img', self.data_root or '')

    def read_content(self) -> Any:
        """Read the annotations; the hook for other formats.

        What a COCO-format file holds (video sets: one in the YouTube-VIS layout); it is
        checked afterwards.
        """
        return read_annotations(self.ann_file, self.backend_args, UNREAD)

    def indexed_files(self) -> list[str]:
        """The files that samples are made of, if nothing else is read for them.

        Where there is one, samples are written to an index that all processes map and
        the next start finds; a class with its own :meth:`read_content` says here what
        it reads, or is read by each process anew.
        """
        own = type(self).read_content is not PromptCocoDataset.read_content
        return [] if own or self.backend_args is not None else [self.ann_file]

    def load_data_list(self) -> Iterator[dict]:
        """Read and check the annotations; one dictionary per sample."""
        content = checked_coco(self.read_content(), self.ann_file, not self.test_mode)
        self.cat2label = self._labels_of_categories(content)
        self.cat_ids = list(self.cat2label)
        annotations = defaultdict(list)
        self._file_has_masks = any(
            valid_segmentation(annotation.get('segmentation'))
            for annotation in content['annotations']
        )
        for annotation in content.pop('annotations'):  # memory: freed image by image
            annotations[annotation['image_id']].append(annotation)
        for image in content['images']:
            yield from self.samples_of_image(image, annotations.pop(image['id'], []))
        self._leave_out(
            sum(map(len, annotations.values())),
            f'annotations belong to {len(annotations)} images that are not listed',
        )

    def samples_of_image(self, image: dict, annotations: list[dict]) -> list[dict]:
        """Samples made from one record of ``images`` and its annotations; here one."""
        instances = [
            instance
            for annotation in annotations
            if (instance := self._instance(image, annotation)) is not None
        ]
        valued = [i for i in instances if not i['ignore_flag']]
        return [
            dict(
                img_path=osp.join(self.image_folder, image['file_name']),
                img_id=image['id'],
                height=image['height'],
                width=image['width'],
                instances=instances,
                has_masks=self._file_has_masks and all('mask' in i for i in valued),
                is_empty=not any(
                    a['category_id'] in self.cat2label for a in annotations
                ),
            )
        ]

    def filter_data_list(self, samples: Iterable[dict]) -> Iterator[dict]:
        """Leave out what ``filter_cfg`` says; nothing in test mode.

        Raises:
            DatasetError: If nothing is left.
        """
        cfg = dict(min_size=0, filter_empty_gt=False)
        if not self.test_mode:
            cfg = self._checked_filter_cfg(**cfg)
        num_small = num_empty = num_kept = 0
        for info in samples:
            if min(info['height'], info['width']) < cfg['min_size']:
                num_small += 1
            elif cfg['filter_empty_gt'] and all(
                i['ignore_flag'] for i in info['instances']
            ):
                num_empty += 1
            else:
                num_kept += 1
                yield info
        if not num_kept:
            raise DatasetError(
                f'No sample is left of the {num_small + num_empty} of {self.ann_file}: '
                'none has an object of the classes '
                f'{some_names(self.metainfo["classes"])}, or '
                f'filter_cfg={self.filter_cfg} leaves out all of them.'
            )
        self._leave_out(num_small, f'samples have a side below {cfg["min_size"]}')
        self._leave_out(num_empty, 'samples have no object that counts')

    def probed_path(self, info: dict) -> str:
        """An image of a sample, whose presence on disk is looked at."""
        return info['img_path']

    def get_data_info(self, idx: int) -> dict:
        """The sample before the pipeline, with the names of the classes."""
        self.full_init()
        info = self._stored(idx)
        info['sample_idx'] = range(self._num_stored)[idx]
        info['classes'] = self._metainfo['classes']
        return info

    def __getitem__(self, idx: int) -> dict:
        """A sample; in training another one where its image cannot be read.

        Raises:
            DatasetError: If one after the other cannot be read.
        """
        try:
            return super().__getitem__(idx)
        except Exception as error:
            if type(error) is not Exception:  # of mmengine, after its last draw
                raise
            raise DatasetError(
                f'{self.ann_file}: of {self.max_refetch} draws none could be used; '
                f'{len(self._unreadable)} images cannot be read, e.g. '
                f'{min(self._unreadable, default="none")}. Download them again, or '
                'correct the sizes in the annotations.'
            ) from error

    def prepare_data(self, idx: int) -> dict | None:
        """Run the pipeline; None if a sample has to be drawn anew (training only).

        Raises:
            UnreadableImageError: In test mode, if the image cannot be read.
        """
        try:
            return super().prepare_data(idx)
        except UnreadableImageError as error:
            if self.test_mode:
                raise
            if error.path not in self._unreadable:
                self._unreadable.add(error.path)
                print_log(
                    f'{error} Another sample is drawn instead '
                    f'({len(self._unreadable)} such files so far).',
                    logger='current',
                    level=logging.WARNING,
                )
            return None

    def _checked_filter_cfg(self, **defaults: Any) -> dict[str, Any]:
        """``filter_cfg``; ``defaults`` are all its keys and fill what it leaves out.

        Raises:
            DatasetError: If it has another key.
        """
        given = self.filter_cfg or {}
        unknown = sorted(set(given) - set(defaults))
        if unknown:
            raise DatasetError(
                f'filter_cfg of {self.ann_file} has the keys {unknown}; known are '
                f'{sorted(defaults)}.'
            )
        return {**defaults, **given}

    def _labels_of_categories(self, content: dict) -> dict[int, int]:
        """Category id -> label; settles ``metainfo['classes']`` on the way."""
        if self.CLASS_AGNOSTIC:
            return {category['id']: 0 for category in content['categories']}
        names = category_names(content, self.ann_file)
        wanted = self._metainfo.get('classes', 'auto')
        if isinstance(wanted, str) and wanted != 'auto':
            raise DatasetError(
                f"metainfo['classes'] is {wanted!r}; expected a tuple of names, or "
                f"'auto' for all categories of {self.ann_file}."
            )
        if wanted == 'auto':
            wanted = tuple(names.values())
        absent = [name for name in wanted if name not in names.values()]
        if absent:
            raise DatasetError(
                f'{self.ann_file} has no categories {some_names(absent)}; it has '
                f'{some_names(list(names.values()))}. Change '
                'metainfo=dict(classes=...).'
            )
        if not wanted:
            raise DatasetError(f'{self.ann_file} lists no category.')
        kept = {cat_id: name for cat_id, name in names.items() if name in set(wanted)}
        self._metainfo['classes'] = tuple(kept.values())
        return {cat_id: label for label, cat_id in enumerate(kept)}

    def _instance(self, image: dict, annotation: dict) -> dict | None:
        label = self.cat2label.get(annotation['category_id'])
        x, y, w, h = annotation['bbox']
        inside_w = min(x + w, image['width']) - max(x, 0)
        inside_h = min(y + h, image['height']) - max(y, 0)
        if label is None:
            return None
        if min(w, h, inside_w, inside_h) <= 0:
            self._leave_out(1, 'objects have no area inside their image')
            return None
        ignored = annotation.get('iscrowd', 0) or annotation.get('ignore', 0)
        instance = dict(
            bbox=[x, y, x + w, y + h], bbox_label=label, ignore_flag=int(bool(ignored))
        )
        mask = valid_segmentation(annotation.get('segmentation'))
        if mask is not None:
            instance['mask'] = mask
        return instance


@DATASETS.register_module()
class PromptObjects365V2Dataset(PromptCocoDataset):
    """Objects365 v2 in COCO format: 365 categories, boxes only.

    Differs from :class:`PromptCocoDataset` in that the three images that the
    annotations list but the download lacks are left out, and file names are
    ``patchN/name.jpg`` whatever folders precede them (as mmdet's class does).
    """

    def samples_of_image(self, image: dict, annotations: list[dict]) -> list[dict]:
        """One sample, or none for an image that is not in the download."""
        parts = image['file_name'].split('/')
        file_name = osp.join(*parts[-2:])
        if file_name in objv2_ignore_list:
            return []
        return super().samples_of_image({**image, 'file_name': file_name}, annotations)


def some_names(names: list[str] | tuple[str, ...], limit: int = 8) -> str:
    """The first names of a list, for messages."""
    shown = ', '.join(repr(str(name)) for name in names[:limit])
    more = len(names) - limit
    return f'({shown}{f", and {more} more" if more > 0 else ""})'
