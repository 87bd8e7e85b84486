# The laptop model of uninext_tiny.py for video. Templates are 128 x 128: see
# TemplatePrompt(size=128) in the pipelines.
_base_ = './uninext_tiny.py'
model = dict(
    type='UNINEXTVideo',
    visual_prompt_generator=dict(
        type='VisualPromptGenerator', num_levels=4, embed_dims=128, prompt_dims=384
    ),
    embed_head=dict(
        type='ContrastiveEmbedHead',
        num_layers=2,
        embed_dims=128,
        feedforward_channels=512,
        candidate_assigner=dict(type='PromptSimOTAAssigner', candidate_topk=30),
    ),
    trackers=dict(
        category=dict(type='PromptQuasiDenseTracker'),
        expression=dict(type='ExpressionTracker'),
        box=dict(
            type='TemplateTracker',
            template_size=128,
            update=dict(type='PeriodicTemplateUpdate', interval=200, min_score=0.7),
        ),
        mask=dict(
            type='TemplateTracker',
            template_size=128,
            update=dict(type='ConfidentTemplateUpdate', min_score=0.7),
            merge=dict(type='SoftAggregation', blank_score_thr=0.0),
            distinct_iou=0.7,  # beyond the paper: docs/video.md
        ),
    ),
)
