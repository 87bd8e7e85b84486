"""The video sets that have a converter, as a table."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from uninext.converters import single_object as sot
from uninext.converters import video_objects as vos
from uninext.converters.referring_video import (
    REF_DAVIS_FILES,
    REF_DAVIS_LAYOUT,
    REF_YOUTUBE_VOS_LAYOUT,
    convert_ref_davis,
    convert_ref_youtube_vos,
)
from uninext.converters.video_json import VideoConversion


@dataclass(frozen=True)
class VideoSet:
    """A set of videos.

    Attributes:
        convert: Called with ``root, out_file``, ``split`` if there are several,
            ``strict`` and :attr:`options`.
        splits: First the default.
        layout: Of the download, in words.
        images: Folder of the frames, below ROOT, that file names start from.
        options: Names of further arguments of ``convert``.
    """

    convert: Callable[..., VideoConversion]
    splits: tuple[str, ...]
    layout: str
    images: str = ''
    options: tuple[str, ...] = ()


VIDEO_SETS = {
    'lasot': VideoSet(
        sot.convert_lasot,
        ('train', 'test'),
        sot.LASOT_LAYOUT,
        options=('split_file',),
    ),
    'lasot-ext': VideoSet(
        sot.convert_lasot,
        ('all',),
        sot.LASOT_LAYOUT.replace('; testing_set.txt beside the classes', ''),
    ),
    'got10k': VideoSet(
        sot.convert_got10k, ('train', 'val', 'test'), sot.GOT10K_LAYOUT, '<split>'
    ),
    'trackingnet': VideoSet(
        sot.convert_trackingnet,
        ('train', 'test'),
        sot.TRACKINGNET_LAYOUT,
        options=('chunks',),
    ),
    'tnl2k': VideoSet(sot.convert_tnl2k, ('all',), sot.TNL2K_LAYOUT),
    'otb': VideoSet(sot.convert_otb, ('all',), sot.OTB_LAYOUT),
    'youtube-vos': VideoSet(
        vos.convert_youtube_vos,
        ('train', 'valid', 'test'),
        vos.YOUTUBE_VOS_LAYOUT,
        '<split>/JPEGImages',
        ('all_masks',),
    ),
    'davis2016': VideoSet(
        partial(vos.convert_davis, year='2016'),
        ('train', 'val'),
        vos.DAVIS_LAYOUT,
        'JPEGImages/480p',
        ('first_mask_only',),
    ),
    'davis2017': VideoSet(
        partial(vos.convert_davis, year='2017'),
        ('train', 'val', 'test-dev'),
        vos.DAVIS_LAYOUT,
        'JPEGImages/480p',
        ('first_mask_only',),
    ),
    'ref-youtube-vos': VideoSet(
        convert_ref_youtube_vos,
        ('train', 'valid', 'test'),
        REF_YOUTUBE_VOS_LAYOUT,
        '<split>/JPEGImages',
    ),
    'ref-davis': VideoSet(
        convert_ref_davis,
        tuple(REF_DAVIS_FILES),
        REF_DAVIS_LAYOUT,
        'DAVIS/JPEGImages/480p',
    ),
}
