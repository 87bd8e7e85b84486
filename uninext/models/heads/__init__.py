"""Heads on the decoder: logits, boxes, masks, embeddings and their losses.

``UNINEXTHead``: retrieval logits, boxes and IoU of each query, and their losses.
``PromptMaskHead``: masks by dynamic convolution, for the queries that are kept.
``ContrastiveEmbedHead``: embeddings by which trackers know objects again.
``ImageTargets``: the ground truth of one image in the units that heads use.
"""

from uninext.models.heads.embed_head import ContrastiveEmbedHead, ReferenceFrame
from uninext.models.heads.ground_truth import ImageTargets, gather_targets
from uninext.models.heads.mask_head import PromptMaskHead
from uninext.models.heads.retrieval import RetrievalBranch
from uninext.models.heads.uninext_head import HeadOutputs, UNINEXTHead

__all__ = [
    'ContrastiveEmbedHead',
    'HeadOutputs',
    'ImageTargets',
    'PromptMaskHead',
    'ReferenceFrame',
    'RetrievalBranch',
    'UNINEXTHead',
    'gather_targets',
]
