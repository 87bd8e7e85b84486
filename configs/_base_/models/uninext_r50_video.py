# UNINEXT with ResNet-50 for video (stage 3): prompts may be targets of other frames, and
# queries have embeddings. Paper: arXiv 2303.06674.
_base_ = './uninext_r50.py'
# (long, short) sides that images and frames are resized to, as in the published
# evaluations: of videos those of MOT, R-VOS, SOT and VOS.
inference_scale = dict(
    image=(1333, 800),
    video=dict(
        category=(1333, 800), expression=(1333, 480), box=(1333, 800), mask=(1333, 480)
    ),
)
model = dict(
    type='UNINEXTVideo',
    backbone=dict(frozen_stages=-1),
    prompt_generator=dict(frozen=True, dropout_when_frozen=True),
    visual_prompt_generator=dict(
        type='VisualPromptGenerator', num_levels=4, embed_dims=256, prompt_dims=768
    ),
    embed_head=dict(
        type='ContrastiveEmbedHead',
        num_layers=2,
        embed_dims=256,
        num_heads=8,
        num_points=4,
        feedforward_channels=2048,
        dropout=0.0,
        positive_assigner=dict(type='PromptSimOTAAssigner', candidate_topk=10),
        candidate_assigner=dict(type='PromptSimOTAAssigner', candidate_topk=100),
        loss_embed=dict(type='ContrastiveEmbedLoss', loss_weight=2.0),
        loss_cosine=dict(type='CosineEmbedLoss', loss_weight=3.0),
    ),
    # How prompts are tracked through videos; numbers of the published evaluation.
    trackers=dict(
        category=dict(
            type='PromptQuasiDenseTracker',
            select_score_thr=0.1,
            nms_iou_threshold=0.7,
            init_score_thr=0.4,
            obj_score_thr=0.3,
        ),
        expression=dict(type='ExpressionTracker'),
        box=dict(
            type='TemplateTracker',
            update=dict(type='PeriodicTemplateUpdate', interval=200, min_score=0.7),
        ),
        mask=dict(
            type='TemplateTracker',
            update=dict(type='ConfidentTemplateUpdate', min_score=0.7),
            merge=dict(type='SoftAggregation', blank_score_thr=0.0),
        ),
    ),
)
