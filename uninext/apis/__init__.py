"""What users call: ask a model about images and videos, keep what it says.

``inferencer``: the front door, for images and videos; ``prompts`` checks what is asked,
``networks`` opens what answers.
``thresholds``, ``exclusion``: which of what is found is returned.
``calibration``: thresholds for a wanted rate of false alarms; ``labelled_images``.
``sources``: images of users in whatever form they come; ``images``, ``masks``.
``results``: what was found in an image or frame, drawn and exported.
``exports``: results in the files of benchmarks and labelling tools.
``bulk``: many images and videos into shards, by this process or by Ray.
``video``: frames of videos, folders and cameras; sessions, frame by frame.
"""

from uninext.apis.exports import (
    to_coco_labels,
    to_cvat,
    to_mot_lines,
    to_youtube_vis,
    to_youtube_vis_labels,
)
from uninext.apis.images import (
    EncodedImage,
    SkippedImageWarning,
    SourceError,
    SourceWarning,
)
from uninext.apis.inferencer import UninextInferencer
from uninext.apis.results import AskedPrompt, Result
from uninext.apis.video import open_session, read_frames
from uninext.model_zoo import resolve_model
from uninext.utils.config_files import config_path

__all__ = [
    'AskedPrompt',
    'EncodedImage',
    'Result',
    'SkippedImageWarning',
    'SourceError',
    'SourceWarning',
    'UninextInferencer',
    'config_path',
    'open_session',
    'read_frames',
    'resolve_model',
    'to_coco_labels',
    'to_cvat',
    'to_mot_lines',
    'to_youtube_vis',
    'to_youtube_vis_labels',
]
