"""The layouts in which benchmarks are downloaded.

Enter: generated images and labelled videos. Leave: folders that the converters and
dataset classes of the real sets read.

``image_sets``: COCO, Objects365, REFER, images of BDD100K. ``box_videos``: LaSOT,
GOT-10k, TrackingNet. ``mask_videos``: YouTube-VOS, DAVIS 2017, Ref-YouTube-VOS.
``instance_videos``: YouTube-VIS, OVIS. ``scalabel_videos``: videos of BDD100K.
``files``: what they share.
"""

from uninext.shapes.layouts import (
    box_videos,
    files,
    image_sets,
    instance_videos,
    mask_videos,
    scalabel_videos,
)

__all__ = [
    'box_videos',
    'files',
    'image_sets',
    'instance_videos',
    'mask_videos',
    'scalabel_videos',
]
