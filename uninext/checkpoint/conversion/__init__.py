"""Published checkpoints: their keys to ours, and back.

``key_rule``, ``key_table``, ``backbone_keys``: which published key is which of ours.
``converter``: a state dict to the other layout, every key accounted for.
``initial_weights``: pretrained backbones alone.
``to_video``: weights of images as the start of video.
``files``: the same for files, loaded safely and written atomically.
"""

from uninext.checkpoint.conversion.converter import (
    ConversionReport,
    from_published,
    to_published,
)
from uninext.checkpoint.conversion.files import config_of, convert_file
from uninext.checkpoint.conversion.initial_weights import backbone_from_published
from uninext.checkpoint.conversion.to_video import (
    add_template_backbone,
    start_video_from_image,
)

__all__ = [
    'ConversionReport',
    'add_template_backbone',
    'backbone_from_published',
    'config_of',
    'convert_file',
    'from_published',
    'start_video_from_image',
    'to_published',
]
