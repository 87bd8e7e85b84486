"""Image files of a dataset: are they there, and can they be read?"""

from __future__ import annotations

import os.path as osp
from collections.abc import Sequence

from uninext.formats.errors import DatasetError

NUM_PROBED_IMAGES = 21  # the first and 20 spaced ones


class UnreadableImageError(RuntimeError):
    """An image file is missing, cannot be decoded, or has another size than stated.

    Attributes:
        path: The file; empty if unknown.
    """

    def __init__(self, message: str, path: str = '') -> None:
        super().__init__(message)
        self.path = path


def probed_places(length: int) -> list[int]:
    """Which of so many samples are looked at: the first and spaced ones."""
    count = min(NUM_PROBED_IMAGES, length)
    return [i * length // count for i in range(count)]


def check_image_files(paths: Sequence[str], ann_file: str) -> None:
    """Probe some of the image files, so that a wrong prefix fails at once.

    Args:
        paths: Image paths of the data set, on the local disk.
        ann_file: Named in the message.

    Raises:
        DatasetError: If the folder or a probed file does not exist.
    """
    probed = [paths[place] for place in probed_places(len(paths))]
    count = len(probed)
    absent = [path for path in probed if not osp.isfile(path)]
    if not absent:
        return
    folder = osp.dirname(absent[0])
    what = (
        f'image folder {folder} does not exist'
        if not osp.isdir(folder)
        else f'image {absent[0]} does not exist'
    )
    raise DatasetError(
        f'The {what} ({len(absent)} of {count} probed images of {ann_file} are '
        'absent). Download the images, or set `data_root` and `data_prefix` of the '
        'dataset so that data_root/data_prefix/<file_name> is the image.'
    )
