"""Metrics as pure functions: numpy arrays enter, numbers leave.

``coco``: AP and AR of boxes and masks, as pycocotools matches them.
``confusion``: which categories are taken for which.
``referring``: overlaps of one answer with one target, and their summary over a set.
``single_object``: success, precision and overlap of one box a frame.
``video_objects``: J and F of masks, DAVIS and YouTube-VOS.
``video_instances``: AP and AR of tubes of masks.
``tracking``: HOTA, CLEAR and IDF1.
``bdd100k_frames``, ``bdd100k_tracking``, ``bdd100k_detection``: the same by the rules
of BDD100K.
"""

from uninext.evaluation.functional.bdd100k_detection import detection_figures
from uninext.evaluation.functional.bdd100k_tracking import (
    ClearCounts,
    count_video,
    drop_ignored,
    figures_of,
    summarize_classes,
)
from uninext.evaluation.functional.referring import (
    PRECISION_THRESHOLDS,
    Overlap,
    box_overlap,
    mask_overlap,
    summarize_overlaps,
)
from uninext.evaluation.functional.single_object import (
    RULES,
    SequenceErrors,
    SingleObjectRules,
    sequence_errors,
    success_curve,
    summarize_sequences,
)
from uninext.evaluation.functional.tracking import (
    TrackingFrame,
    distracted_predictions,
    mask_similarity,
    tracking_figures,
)
from uninext.evaluation.functional.video_instances import (
    tube_area,
    tube_iou,
    video_instance_figures,
)
from uninext.evaluation.functional.video_objects import (
    ObjectScores,
    contour_accuracy,
    frame_statistics,
    region_similarity,
    summarize_objects,
    summarize_seen_unseen,
)
from uninext.formats.rle import decode_segmentation, encode_mask

__all__ = [
    'PRECISION_THRESHOLDS',
    'RULES',
    'ClearCounts',
    'ObjectScores',
    'Overlap',
    'SequenceErrors',
    'SingleObjectRules',
    'TrackingFrame',
    'box_overlap',
    'contour_accuracy',
    'count_video',
    'decode_segmentation',
    'detection_figures',
    'drop_ignored',
    'distracted_predictions',
    'encode_mask',
    'figures_of',
    'frame_statistics',
    'mask_overlap',
    'mask_similarity',
    'region_similarity',
    'sequence_errors',
    'success_curve',
    'summarize_classes',
    'summarize_objects',
    'summarize_overlaps',
    'summarize_seen_unseen',
    'summarize_sequences',
    'tracking_figures',
    'tube_area',
    'tube_iou',
    'video_instance_figures',
]
