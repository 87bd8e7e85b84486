"""From downloads to annotation files that the datasets read.

Files are written whole or not at all, with a count of what was left out and why
(``report``). ``refer`` reads referring sets over images, ``mot_challenge`` MOT17,
``bdd100k`` the four sets of BDD100K, ``single_object`` LaSOT and its like,
``video_objects`` DAVIS and YouTube-VOS with the masks of ``mask_folders``,
``referring_video`` expressions about objects in videos; ``video_sets`` is the table of
these three. ``video_json`` writes the layout of all video sets, ``video_check`` checks
a file of it.
"""

from uninext.converters.bdd100k import BDD_SETS, convert_bdd100k, find_bdd100k_labels
from uninext.converters.mot_challenge import convert_mot_challenge
from uninext.converters.refer import (
    MIXED_NAME,
    REFER_SETS,
    Conversion,
    convert_refer,
    convert_refexp_json,
    load_plain_pickle,
    mix_train_splits,
    to_coco,
)
from uninext.converters.referring_video import (
    convert_ref_davis,
    convert_ref_youtube_vos,
    convert_referred_objects,
)
from uninext.converters.single_object import (
    convert_got10k,
    convert_lasot,
    convert_otb,
    convert_tnl2k,
    convert_trackingnet,
)
from uninext.converters.video_check import VideoCheck
from uninext.converters.video_json import Track, VideoConversion, VideoJson
from uninext.converters.video_objects import convert_davis, convert_youtube_vos
from uninext.converters.video_sets import VIDEO_SETS
from uninext.formats.json_file import write_json

__all__ = [
    'BDD_SETS',
    'MIXED_NAME',
    'REFER_SETS',
    'VIDEO_SETS',
    'Conversion',
    'Track',
    'VideoCheck',
    'VideoConversion',
    'VideoJson',
    'convert_bdd100k',
    'convert_davis',
    'convert_got10k',
    'convert_lasot',
    'convert_mot_challenge',
    'convert_otb',
    'convert_ref_davis',
    'convert_ref_youtube_vos',
    'convert_refer',
    'convert_referred_objects',
    'convert_refexp_json',
    'convert_tnl2k',
    'convert_trackingnet',
    'convert_youtube_vos',
    'find_bdd100k_labels',
    'load_plain_pickle',
    'mix_train_splits',
    'to_coco',
    'write_json',
]
