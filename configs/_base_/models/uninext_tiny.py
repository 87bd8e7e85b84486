# UNINEXT for a laptop: MobileNetV2, 128 channels, 2 + 3 layers, 100 queries, MiniLM.
# Everything it starts from comes in Python packages; nothing is downloaded.
_base_ = './uninext_r50.py'
find_unused_parameters = True  # the last convolution of MobileNetV2 leads nowhere
model = dict(
    backbone=dict(
        _delete_=True,
        type='MobileNetV2',
        out_indices=(2, 4, 6),
        frozen_stages=3,
        norm_cfg=dict(type='BN', requires_grad=False),
        norm_eval=True,
        init_cfg=dict(type='PackagedImageNet'),
    ),
    neck=dict(in_channels=[32, 96, 320], out_channels=128),
    prompt_generator=dict(
        text_encoder='minilm', pretrained='minilm', frozen=True, cache_size=16384
    ),
    fusion_neck=dict(
        visual_dims=128,
        prompt_dims=384,
        embed_dims=256,
        num_heads=4,
        dropout=0.0,
        init_scale=1 / 2,
    ),
    positional_encoding=dict(num_feats=64),
    encoder=dict(num_layers=2, embed_dims=128, feedforward_channels=512),
    query_selector=dict(embed_dims=128, num_queries=100),
    decoder=dict(num_layers=3, embed_dims=128, feedforward_channels=512),
    denoising=dict(embed_dims=128, prompt_dims=384, num_dn_queries=25),
    bbox_head=dict(num_layers=3, embed_dims=128, prompt_dims=384),
    mask_head=dict(embed_dims=128, refine_channels=32),
)
