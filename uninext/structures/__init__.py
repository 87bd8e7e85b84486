"""What rooms hand to each other; imports nothing of ours.

``Prompt``: what is asked for (dataset or user -> network).
``VisualPrompt``, ``Template``: a target annotated in another frame, as a prompt.
``Target``: a box or mask that shows a target in the frame to come.
``PromptStart``: a prompt of a test set, from a frame on.
``PromptFeatures``: the encoded prompts of a batch (prompt generator -> fusion, heads).
``UninextDataSample``: an image's prompt, ground truth and predictions.
``TrackMemory``, ``InstanceMemory``, ``TemplateMemory``: what a video leaves behind for
its next frame (trackers -> trackers, by way of the loop over the frames); ``Memory``:
what they have in common.
``TrackUpdate``: what became of tracks (trackers -> whoever keeps their masks).
"""

from uninext.structures.data_sample import UninextDataSample
from uninext.structures.memory import (
    InstanceMemory,
    Memory,
    TemplateMemory,
    TrackMemory,
    TracksMemory,
)
from uninext.structures.prompt import Prompt, PromptFeatures
from uninext.structures.target import (
    PromptStart,
    Target,
    mask_box,
    mask_boxes,
    resize_mask,
)
from uninext.structures.track_update import TrackUpdate
from uninext.structures.visual_prompt import Template, VisualPrompt
from uninext.utils.text import clean_category_name, clean_expression, parse_categories

__all__ = [
    'InstanceMemory',
    'Memory',
    'Prompt',
    'PromptFeatures',
    'PromptStart',
    'Target',
    'Template',
    'TemplateMemory',
    'TrackMemory',
    'TrackUpdate',
    'TracksMemory',
    'UninextDataSample',
    'VisualPrompt',
    'clean_category_name',
    'clean_expression',
    'mask_box',
    'mask_boxes',
    'parse_categories',
    'resize_mask',
]
