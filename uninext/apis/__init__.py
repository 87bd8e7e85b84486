"""What demo, command line and notebooks share: folders and configs enter, runs leave.

``coco_folder``: finds annotations and pictures in a user's folder.
``short_training``: trains and judges a config on such a folder.
``exports``: results into the files of benchmarks and labelling tools.
``inferencer``: the front door: pictures or videos and prompts enter, results leave.
``sources``: pictures of users in whatever form they come.
``picture_report``: pictures of predictions and a contact sheet.
``results``: what was found in a picture or frame, drawn and exported.
``ten_tasks``: one checkpoint judged on all ten tasks, as a table.
``video``: sessions from files, frames from videos, folders and cameras.
"""

from uninext.apis.coco_folder import CocoFolder, CocoSplit, find_coco_folder
from uninext.apis.exports import (
    to_coco_labels,
    to_cvat,
    to_mot_lines,
    to_youtube_vis,
    to_youtube_vis_labels,
)
from uninext.apis.inferencer import UninextInferencer
from uninext.apis.picture_report import draw_predictions
from uninext.apis.results import AskedPrompt, Result
from uninext.apis.short_training import (
    evaluate_short_training,
    point_config_at,
    train_shortly,
)
from uninext.apis.sources import Picture, Source, open_source
from uninext.apis.ten_tasks import (
    TEN_TASKS,
    MeasuredFigure,
    TaskFigure,
    first_scenes,
    load_task_configs,
    measure_ten_tasks,
    ten_tasks_json,
    ten_tasks_table,
)
from uninext.apis.video import open_session, read_frames

__all__ = [
    'TEN_TASKS',
    'AskedPrompt',
    'CocoFolder',
    'CocoSplit',
    'MeasuredFigure',
    'Picture',
    'Result',
    'Source',
    'TaskFigure',
    'UninextInferencer',
    'draw_predictions',
    'evaluate_short_training',
    'find_coco_folder',
    'first_scenes',
    'load_task_configs',
    'measure_ten_tasks',
    'open_session',
    'open_source',
    'point_config_at',
    'read_frames',
    'ten_tasks_json',
    'ten_tasks_table',
    'to_coco_labels',
    'to_cvat',
    'to_mot_lines',
    'to_youtube_vis',
    'to_youtube_vis_labels',
    'train_shortly',
]
