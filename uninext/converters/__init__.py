"""From downloads to annotation files that the datasets read.

Enter: data sets in their own download layout. Leave: JSON files, written whole or not
at all, and a count of what was left out and why.

``refer`` reads referring sets over images, ``mot_challenge`` MOT17 and its like,
``bdd100k`` the four sets of BDD100K,
``single_object`` LaSOT and its like, ``video_objects`` DAVIS and YouTube-VOS,
``referring_video`` expressions about objects in videos; ``video_sets`` is the table of
these three. ``video_check`` checks a video file. ``files`` reads and writes,
``mask_folders`` reads masks, ``video_json`` writes the layout of all video sets.
"""

from uninext.converters import (
    bdd100k,
    files,
    mask_folders,
    mot_challenge,
    refer,
    referring_video,
    single_object,
    video_check,
    video_json,
    video_objects,
    video_sets,
)
from uninext.converters.bdd100k import (
    BDD_SETS,
    BDDSet,
    ImageConversion,
    convert_bdd100k,
    find_bdd100k_labels,
)
from uninext.converters.files import load_plain_pickle
from uninext.converters.mot_challenge import convert_mot_challenge
from uninext.converters.refer import (
    MIXED_NAME,
    REFER_SETS,
    Conversion,
    ReferredObject,
    ReferSet,
    convert_refer,
    convert_refexp_json,
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
from uninext.converters.video_objects import (
    convert_davis,
    convert_youtube_vos,
    davis_videos,
)
from uninext.converters.video_sets import VIDEO_SETS, VideoSet
from uninext.formats.json_file import read_json, write_json

__all__ = [
    'BDD_SETS',
    'MIXED_NAME',
    'REFER_SETS',
    'VIDEO_SETS',
    'BDDSet',
    'Conversion',
    'ImageConversion',
    'ReferSet',
    'ReferredObject',
    'Track',
    'VideoCheck',
    'VideoConversion',
    'VideoJson',
    'VideoSet',
    'bdd100k',
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
    'davis_videos',
    'files',
    'find_bdd100k_labels',
    'read_json',
    'load_plain_pickle',
    'mask_folders',
    'mix_train_splits',
    'mot_challenge',
    'refer',
    'referring_video',
    'single_object',
    'to_coco',
    'video_check',
    'video_json',
    'video_objects',
    'video_sets',
    'write_json',
]
