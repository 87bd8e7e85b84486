"""Which key of a published checkpoint is which of ours.

One rule a line, read in both directions; placeholders: see ``key_rule``. Backbones:
``backbone_keys``.
"""

from __future__ import annotations

from collections.abc import Iterable

from uninext.checkpoint.conversion.backbone_keys import backbone_rules
from uninext.checkpoint.conversion.key_rule import KeyRule, matches_any

TRANSFORMER = 'detr.detr.transformer'
BACKBONE = 'detr.detr.backbone.0.backbone.'
TEMPLATE_BACKBONE = 'detr.detr.ref_backbone.0.backbone.'
FUSION = f'{TRANSFORMER}.encoder.vl_layers.0.b_attn'
DECODER_LAYER = f'{TRANSFORMER}.decoder.layers.{{i}}'
ENCODER_LAYER = f'{TRANSFORMER}.encoder.layers.{{i}}'


def _neck_rules(published: str, num_backbone_levels: int = 3) -> list[KeyRule]:
    rules = []
    for level in range(num_backbone_levels + 1):
        ours = f'neck.convs.{level}'
        if level == num_backbone_levels:
            ours = 'neck.extra_convs.0'
        rules += [
            KeyRule(f'{published}.{level}.0.{{p}}', f'{ours}.conv.{{p}}'),
            KeyRule(f'{published}.{level}.1.{{p}}', f'{ours}.gn.{{p}}'),
        ]
    return rules


def _decoder_layer_rules(published: str, ours: str) -> list[KeyRule]:
    """The published norms are numbered out of order: 2, 1, 3."""
    return [
        KeyRule(f'{published}.self_attn.{{rest}}', f'{ours}.self_attn.attn.{{rest}}'),
        KeyRule(f'{published}.cross_attn.{{rest}}', f'{ours}.cross_attn.{{rest}}'),
        KeyRule(f'{published}.norm2.{{p}}', f'{ours}.norms.0.{{p}}'),
        KeyRule(f'{published}.norm1.{{p}}', f'{ours}.norms.1.{{p}}'),
        KeyRule(f'{published}.norm3.{{p}}', f'{ours}.norms.2.{{p}}'),
        KeyRule(f'{published}.linear1.{{p}}', f'{ours}.ffn.layers.0.0.{{p}}'),
        KeyRule(f'{published}.linear2.{{p}}', f'{ours}.ffn.layers.1.{{p}}'),
    ]


def _twice(published: str, ours: str) -> KeyRule:
    """A head that a published checkpoint holds in the decoder and beside it."""
    return KeyRule(
        f'{TRANSFORMER}.decoder.{published}', ours, alias=f'detr.detr.{published}'
    )


TEXT_RULES = [
    KeyRule('text_encoder.body.model.{rest}', 'prompt_generator.text_encoder.{rest}'),
]

FUSION_RULES = [
    KeyRule(f'{FUSION}.gamma_v', 'fusion_neck.visual_scale'),
    KeyRule(f'{FUSION}.gamma_l', 'fusion_neck.prompt_scale'),
    KeyRule(f'{FUSION}.layer_norm_v.{{p}}', 'fusion_neck.visual_norm.{p}'),
    KeyRule(f'{FUSION}.layer_norm_l.{{p}}', 'fusion_neck.prompt_norm.{p}'),
    KeyRule(f'{FUSION}.attn.v_proj.{{p}}', 'fusion_neck.visual_query_proj.{p}'),
    KeyRule(f'{FUSION}.attn.l_proj.{{p}}', 'fusion_neck.prompt_key_proj.{p}'),
    KeyRule(f'{FUSION}.attn.values_v_proj.{{p}}', 'fusion_neck.visual_value_proj.{p}'),
    KeyRule(f'{FUSION}.attn.values_l_proj.{{p}}', 'fusion_neck.prompt_value_proj.{p}'),
    KeyRule(f'{FUSION}.attn.out_v_proj.{{p}}', 'fusion_neck.visual_out_proj.{p}'),
    KeyRule(f'{FUSION}.attn.out_l_proj.{{p}}', 'fusion_neck.prompt_out_proj.{p}'),
]

TRANSFORMER_RULES = [
    KeyRule(f'{TRANSFORMER}.level_embed', 'level_embed'),
    KeyRule(
        f'{ENCODER_LAYER}.self_attn.{{rest}}', 'encoder.layers.{i}.self_attn.{rest}'
    ),
    KeyRule(f'{ENCODER_LAYER}.norm1.{{p}}', 'encoder.layers.{i}.norms.0.{p}'),
    KeyRule(f'{ENCODER_LAYER}.norm2.{{p}}', 'encoder.layers.{i}.norms.1.{p}'),
    KeyRule(f'{ENCODER_LAYER}.linear1.{{p}}', 'encoder.layers.{i}.ffn.layers.0.0.{p}'),
    KeyRule(f'{ENCODER_LAYER}.linear2.{{p}}', 'encoder.layers.{i}.ffn.layers.1.{p}'),
    *_decoder_layer_rules(DECODER_LAYER, 'decoder.layers.{i}'),
    KeyRule(
        f'{TRANSFORMER}.decoder.ref_point_head.layers.{{i}}.{{p}}',
        'decoder.ref_point_head.layers.{i}.{p}',
    ),
    KeyRule(f'{TRANSFORMER}.tgt_embed.weight', 'query_selector.query_embedding.weight'),
    KeyRule(f'{TRANSFORMER}.enc_output.{{p}}', 'query_selector.memory_proj.{p}'),
    KeyRule(f'{TRANSFORMER}.enc_output_norm.{{p}}', 'query_selector.memory_norm.{p}'),
]

HEAD_RULES = [
    # a ReLU stands between two linear layers of ours
    *(
        _twice(
            f'bbox_embed.{{i}}.layers.{n}.{{p}}',
            f'bbox_head.reg_branches.{{i}}.{2 * n}.{{p}}',
        )
        for n in range(3)
    ),
    _twice('class_embed.{i}.log_scale', 'bbox_head.cls_branches.{i}.log_scale'),
    _twice('class_embed.{i}.bias_lang', 'bbox_head.cls_branches.{i}.text_bias'),
    _twice('class_embed.{i}.bias0', 'bbox_head.cls_branches.{i}.bias'),
    _twice(
        'class_embed.{i}.dot_product_projection_text.{p}',
        'bbox_head.cls_branches.{i}.text_proj.{p}',
    ),
    KeyRule('detr.detr.iou_head.{i}.{p}', 'bbox_head.iou_branches.{i}.{p}'),
    KeyRule('detr.controller.layers.{i}.{p}', 'mask_head.controller.layers.{i}.{p}'),
    KeyRule('detr.mask_head.lay3.{p}', 'mask_head.refine_convs.0.{p}'),
    KeyRule('detr.mask_head.lay4.{p}', 'mask_head.refine_convs.1.{p}'),
    KeyRule('detr.mask_head.jia_dcn.{p}', 'mask_head.refine_convs.2.{p}'),
    KeyRule('detr.mask_head.lay1.{p}', 'mask_head.out_convs.0.{p}'),
    KeyRule('detr.mask_head.lay2.{p}', 'mask_head.out_convs.1.{p}'),
    KeyRule('criterion._iter', 'mask_head.warmup_step'),
    KeyRule('detr.resizer.fc.{p}', 'denoising.prompt_proj.{p}'),
    KeyRule('detr.resizer.layer_norm.{p}', 'denoising.prompt_norm.{p}'),
]

# The prompt-independent classifier of encoder proposals follows those of the decoder
# layers: {i} is their number. Our keys ``cls_branches.{i}.bias`` of the two kinds look
# alike, so the way back asks which branch has a ``.weight``.
PROPOSAL_CLASSIFIER = _twice(
    'class_embed.{i}.body.{p}', 'bbox_head.cls_branches.{i}.{p}'
)

IMAGE_RULES = [
    *backbone_rules(BACKBONE, 'backbone.'),
    *_neck_rules('detr.detr.input_proj'),
    *TEXT_RULES,
    *FUSION_RULES,
    *TRANSFORMER_RULES,
    *HEAD_RULES,
]

# what stage 3 adds; the template backbone is the backbone with a fourth input channel
VIDEO_RULES = [
    *backbone_rules(TEMPLATE_BACKBONE, 'visual_prompt_generator.backbone.'),
    KeyRule('detr.sot_fuser.refine.{i}.{p}', 'visual_prompt_generator.fuser.{i}.{p}'),
    KeyRule('detr.adjust_layer.{p}', 'visual_prompt_generator.adapter.{p}'),
    *_decoder_layer_rules('detr.reid_embed_head.0.layers.{i}', 'embed_head.layers.{i}'),
    KeyRule(
        'detr.reid_embed_head.0.ref_point_head.layers.{i}.{p}',
        'embed_head.ref_point_head.layers.{i}.{p}',
    ),
    KeyRule('detr.reid_embed_head.1.layers.{i}.{p}', 'embed_head.mlp.layers.{i}.{p}'),
]

# published keys without a place of ours, and why
DROPPED = {
    f'{TRANSFORMER}.resizer.{{rest}}': 'has no effect: its output is multiplied by 0',
    'text_encoder.body.model.embeddings.position_ids': (
        'constant 0, 1, 2, ... that transformers <= 4.30 saved'
    ),
}

# our keys without a published place, and why
NO_COUNTER = 'counter; frozen batch norms have none'
OURS_DROPPED = {
    'backbone.{rest}.num_batches_tracked': NO_COUNTER,
    'visual_prompt_generator.backbone.{rest}.num_batches_tracked': NO_COUNTER,
}

# the published names of what stage 3 adds, for who leaves it out
VIDEO_PARTS = {
    'detr.detr.ref_backbone.{rest}': 'visual prompt backbone',
    'detr.sot_fuser.{rest}': 'visual prompt fuser',
    'detr.adjust_layer.{rest}': 'visual prompt projection',
    'detr.reid_embed_head.{rest}': 'embedding head of tracking',
}


def detect_stage(keys: Iterable[str]) -> str:
    """Tell from its keys what a published checkpoint holds: 'image' or 'video'.

    Stages 1 and 2 hold the same keys ('image'), stage 3 adds parts ('video').
    """
    if any(matches_any(key, VIDEO_PARTS) for key in keys):
        return 'video'
    return 'image'
