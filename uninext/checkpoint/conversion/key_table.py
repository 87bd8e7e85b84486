"""Which key of a published checkpoint is which of ours.

One rule a line, read in both directions; placeholders: see ``key_rule``. Backbones:
``backbone_keys``.
"""

from __future__ import annotations

from collections.abc import Iterable

from uninext.checkpoint.conversion.backbone_keys import backbone_rules
from uninext.checkpoint.conversion.key_rule import reason_of, rules_of

TRANSFORMER = 'detr.detr.transformer.'

_NECK = """
    0.0.{p}  convs.0.conv.{p}
    0.1.{p}  convs.0.gn.{p}
    1.0.{p}  convs.1.conv.{p}
    1.1.{p}  convs.1.gn.{p}
    2.0.{p}  convs.2.conv.{p}
    2.1.{p}  convs.2.gn.{p}
    3.0.{p}  extra_convs.0.conv.{p}
    3.1.{p}  extra_convs.0.gn.{p}
"""
_FUSION = """
    gamma_v                   visual_scale
    gamma_l                   prompt_scale
    layer_norm_v.{p}          visual_norm.{p}
    layer_norm_l.{p}          prompt_norm.{p}
    attn.v_proj.{p}           visual_query_proj.{p}
    attn.l_proj.{p}           prompt_key_proj.{p}
    attn.values_v_proj.{p}    visual_value_proj.{p}
    attn.values_l_proj.{p}    prompt_value_proj.{p}
    attn.out_v_proj.{p}       visual_out_proj.{p}
    attn.out_l_proj.{p}       prompt_out_proj.{p}
"""
_ENCODER_LAYER = """
    self_attn.{rest}  self_attn.{rest}
    norm1.{p}         norms.0.{p}
    norm2.{p}         norms.1.{p}
    linear1.{p}       ffn.layers.0.0.{p}
    linear2.{p}       ffn.layers.1.{p}
"""
# The published norms are numbered out of order.
_DECODER_LAYER = """
    self_attn.{rest}   self_attn.attn.{rest}
    cross_attn.{rest}  cross_attn.{rest}
    norm2.{p}          norms.0.{p}
    norm1.{p}          norms.1.{p}
    norm3.{p}          norms.2.{p}
    linear1.{p}        ffn.layers.0.0.{p}
    linear2.{p}        ffn.layers.1.{p}
"""
_TRANSFORMER = """
    level_embed                            level_embed
    decoder.ref_point_head.layers.{i}.{p}  decoder.ref_point_head.layers.{i}.{p}
    tgt_embed.weight                       query_selector.query_embedding.weight
    enc_output.{p}                         query_selector.memory_proj.{p}
    enc_output_norm.{p}                    query_selector.memory_norm.{p}
"""
# Heads that a published checkpoint holds in the decoder and beside it. A ReLU stands
# between two linear layers of ours.
_HELD_TWICE = """
    bbox_embed.{i}.layers.0.{p}                   reg_branches.{i}.0.{p}
    bbox_embed.{i}.layers.1.{p}                   reg_branches.{i}.2.{p}
    bbox_embed.{i}.layers.2.{p}                   reg_branches.{i}.4.{p}
    class_embed.{i}.log_scale                     cls_branches.{i}.log_scale
    class_embed.{i}.bias_lang                     cls_branches.{i}.text_bias
    class_embed.{i}.bias0                         cls_branches.{i}.bias
    class_embed.{i}.dot_product_projection_text.{p}  cls_branches.{i}.text_proj.{p}
"""
# The prompt-independent classifier of encoder proposals follows those of the decoder
# layers: {i} is their number. Our keys ``cls_branches.{i}.bias`` of the two kinds look
# alike, so the way back asks which branch has a ``.weight``.
_PROPOSALS = 'class_embed.{i}.body.{p}  cls_branches.{i}.{p}'
_HEADS = """
    detr.detr.iou_head.{i}.{p}      bbox_head.iou_branches.{i}.{p}
    detr.controller.layers.{i}.{p}  mask_head.controller.layers.{i}.{p}
    detr.mask_head.lay3.{p}         mask_head.refine_convs.0.{p}
    detr.mask_head.lay4.{p}         mask_head.refine_convs.1.{p}
    detr.mask_head.jia_dcn.{p}      mask_head.refine_convs.2.{p}
    detr.mask_head.lay1.{p}         mask_head.out_convs.0.{p}
    detr.mask_head.lay2.{p}         mask_head.out_convs.1.{p}
    criterion._iter                 mask_head.warmup_step
    detr.resizer.fc.{p}             denoising.prompt_proj.{p}
    detr.resizer.layer_norm.{p}     denoising.prompt_norm.{p}
    text_encoder.body.model.{rest}  prompt_generator.text_encoder.{rest}
"""
_TEMPLATES = """
    sot_fuser.refine.{i}.{p}  fuser.{i}.{p}
    adjust_layer.{p}          adapter.{p}
"""
_EMBEDDINGS = """
    0.ref_point_head.layers.{i}.{p}  ref_point_head.layers.{i}.{p}
    1.layers.{i}.{p}                 mlp.layers.{i}.{p}
"""

IMAGE_RULES = [
    *backbone_rules('detr.detr.backbone.0.backbone.', 'backbone.'),
    *rules_of(_NECK, 'detr.detr.input_proj.', 'neck.'),
    *rules_of(_FUSION, f'{TRANSFORMER}encoder.vl_layers.0.b_attn.', 'fusion_neck.'),
    *rules_of(
        _ENCODER_LAYER, TRANSFORMER + 'encoder.layers.{i}.', 'encoder.layers.{i}.'
    ),
    *rules_of(
        _DECODER_LAYER, TRANSFORMER + 'decoder.layers.{i}.', 'decoder.layers.{i}.'
    ),
    *rules_of(_TRANSFORMER, TRANSFORMER),
    *rules_of(_HELD_TWICE, f'{TRANSFORMER}decoder.', 'bbox_head.', 'detr.detr.'),
    *rules_of(_HEADS),
]
(PROPOSAL_CLASSIFIER,) = rules_of(
    _PROPOSALS, f'{TRANSFORMER}decoder.', 'bbox_head.', 'detr.detr.'
)
# What stage 3 adds; the template backbone is the backbone with a fourth input channel.
VIDEO_RULES = [
    *backbone_rules(
        'detr.detr.ref_backbone.0.backbone.', 'visual_prompt_generator.backbone.'
    ),
    *rules_of(_TEMPLATES, 'detr.', 'visual_prompt_generator.'),
    *rules_of(
        _DECODER_LAYER, 'detr.reid_embed_head.0.layers.{i}.', 'embed_head.layers.{i}.'
    ),
    *rules_of(_EMBEDDINGS, 'detr.reid_embed_head.', 'embed_head.'),
]

# Published keys without a place of ours, and why.
DROPPED = {
    TRANSFORMER + 'resizer.{rest}': 'has no effect: its output is multiplied by 0',
    'text_encoder.body.model.embeddings.position_ids': (
        'constant 0, 1, 2, ... that transformers <= 4.30 saved'
    ),
}
# The published names of what stage 3 adds, for who leaves it out.
VIDEO_PARTS = {
    'detr.detr.ref_backbone.{rest}': 'visual prompt backbone',
    'detr.sot_fuser.{rest}': 'visual prompt fuser',
    'detr.adjust_layer.{rest}': 'visual prompt projection',
    'detr.reid_embed_head.{rest}': 'embedding head of tracking',
}


def detect_stage(keys: Iterable[str]) -> str:
    """What a published checkpoint holds: 'image' (stages 1 and 2) or 'video' (3)."""
    return 'video' if any(reason_of(key, VIDEO_PARTS) for key in keys) else 'image'
