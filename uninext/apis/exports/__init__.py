"""Exports: results as files of benchmarks and labelling tools.

``video_tracks``: tracks of a video; MOTChallenge's text and YouTube-VIS's results.
``label_sets``: complete annotation files of COCO's and YouTube-VIS's layouts.
``cvat``: tracks as CVAT's XML.
``prediction_files``: everything that a prediction writes, while it runs.
"""

from uninext.apis.exports.cvat import to_cvat
from uninext.apis.exports.label_sets import (
    CocoLabels,
    VideoLabels,
    to_coco_labels,
    to_youtube_vis_labels,
)
from uninext.apis.exports.prediction_files import (
    EXPORTS,
    Origin,
    OutputFolder,
    PredictionFiles,
)
from uninext.apis.exports.video_tracks import VideoTracks, to_mot_lines, to_youtube_vis

__all__ = [
    'EXPORTS',
    'CocoLabels',
    'Origin',
    'OutputFolder',
    'PredictionFiles',
    'VideoLabels',
    'VideoTracks',
    'to_coco_labels',
    'to_cvat',
    'to_mot_lines',
    'to_youtube_vis',
    'to_youtube_vis_labels',
]
