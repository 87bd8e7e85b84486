"""What demo, command line and notebooks share: folders and configs enter, runs leave.

``coco_folder``: finds annotations and pictures in a user's folder.
``short_training``: trains and judges a config on such a folder.
``exports``: results into the files of benchmarks and labelling tools.
``named_models``: what people call a model enters, its config and weights leave.
``inference_scale``: the size at which a config's model looks at images and videos.
``equal_batches``: images in batches of one size.
``carried_config``: configs out of files of weights, as data.
``inferencer``: the front door: pictures or videos and prompts enter, results leave.
``prompts``: what is asked for, checked.
``sources``: pictures of users in whatever form they come.
``publishing``: a training checkpoint enters, a small file of weights leaves.
``own_data``: annotations of users, read, looked over and parted.
``fine_tuning``: the config of a fine-tuning on them.
``scenes``: pictures and videos of an annotation file.
``picture_report``: pictures of predictions and a contact sheet.
``results``: what was found in a picture or frame, drawn and exported.
``video``: sessions from files, frames from videos, folders and cameras.
"""

from uninext.utils.optional_imports import import_mmdet_quietly

import_mmdet_quietly()  # or it prints what it lacks into everybody's first program

from uninext.apis.coco_folder import CocoFolder, CocoSplit, find_coco_folder
from uninext.apis.exports import (
    to_coco_labels,
    to_cvat,
    to_mot_lines,
    to_youtube_vis,
    to_youtube_vis_labels,
)
from uninext.apis.fine_tuning import (
    FineTuning,
    StartModel,
    config_text,
    figures_table,
    find_start,
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
from uninext.apis.own_data import (
    OwnPart,
    OwnSet,
    read_own_data,
    read_own_set,
)
from uninext.apis.picture_report import draw_predictions
from uninext.apis.publishing import PublishReport, publish_model
from uninext.apis.results import AskedPrompt, Result
from uninext.apis.scenes import draw_scenes, keep_scenes, scene_of
from uninext.apis.short_training import (
    evaluate_short_training,
    judge_start,
    judge_trained,
    point_config_at,
    train_shortly,
)
from uninext.apis.sources import Picture, Source, open_source
from uninext.apis.video import open_session, read_frames
from uninext.models.sessions.inputs import checked_boxes

__all__ = [
    'DEFAULT_MODEL',
    'MODELS',
    'AskedPrompt',
    'CocoFolder',
    'CocoSplit',
    'FineTuning',
    'Following',
    'InferenceScale',
    'NamedModel',
    'OwnPart',
    'OwnSet',
    'Picture',
    'PublishReport',
    'Result',
    'SkippedImageWarning',
    'Source',
    'SourceError',
    'SourceWarning',
    'StartModel',
    'UninextInferencer',
    'checked_boxes',
    'config_path',
    'config_text',
    'draw_predictions',
    'draw_scenes',
    'evaluate_short_training',
    'figures_table',
    'find_coco_folder',
    'find_start',
    'judge_start',
    'judge_trained',
    'keep_scenes',
    'open_session',
    'open_source',
    'point_config_at',
    'publish_model',
    'read_frames',
    'read_own_data',
    'read_own_set',
    'resolve_model',
    'scene_of',
    'to_coco_labels',
    'to_cvat',
    'to_mot_lines',
    'to_youtube_vis',
    'to_youtube_vis_labels',
    'train_shortly',
]
