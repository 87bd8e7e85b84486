"""What demo, command line and notebooks share: folders and configs enter, runs leave.

``exports``: results into the files of benchmarks and labelling tools.
``named_models``: what people call a model enters, its config and weights leave.
``inference_scale``: the size at which a config's model looks at images and videos.
``equal_batches``: images in batches of one size.
``inferencer``: the front door: pictures or videos and prompts enter, results leave.
``prompts``: what is asked for, checked.
``sources``: pictures of users in whatever form they come.
``publishing``: a training checkpoint enters, a small file of weights leaves.
``results``: what was found in a picture or frame, drawn and exported.
``video``: sessions from files, frames from videos, folders and cameras.
"""

from uninext.utils.optional_imports import import_mmdet_quietly

import_mmdet_quietly()  # or it prints what it lacks into everybody's first program

from uninext.apis.exports import (
    to_coco_labels,
    to_cvat,
    to_mot_lines,
    to_youtube_vis,
    to_youtube_vis_labels,
)
from uninext.apis.images import SkippedImageWarning, SourceError, SourceWarning
from uninext.apis.inference_scale import InferenceScale
from uninext.apis.inferencer import Following, UninextInferencer
from uninext.apis.named_models import (
    DEFAULT_MODEL,
    MODELS,
    NamedModel,
    config_path,
    resolve_model,
)
from uninext.apis.publishing import PublishReport, publish_model
from uninext.apis.results import AskedPrompt, Result
from uninext.apis.sources import Picture, Source, open_source
from uninext.apis.video import open_session, read_frames
from uninext.models.trackers.inputs import checked_boxes

__all__ = [
    'DEFAULT_MODEL',
    'MODELS',
    'AskedPrompt',
    'Following',
    'InferenceScale',
    'NamedModel',
    'Picture',
    'PublishReport',
    'Result',
    'SkippedImageWarning',
    'Source',
    'SourceError',
    'SourceWarning',
    'UninextInferencer',
    'checked_boxes',
    'config_path',
    'open_session',
    'open_source',
    'publish_model',
    'read_frames',
    'resolve_model',
    'to_coco_labels',
    'to_cvat',
    'to_mot_lines',
    'to_youtube_vis',
    'to_youtube_vis_labels',
]
