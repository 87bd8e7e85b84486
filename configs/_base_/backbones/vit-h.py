# What ViT-H changes in any of the models here: model =
# _base_.pop('vit_h') takes it, and leaves no such key.
# Source: arXiv 2203.16527, with the numbers of UNINEXT's published configs.
vit_h = dict(
    data_preprocessor=dict(test_pad_size_divisor=32),
    backbone=dict(
        _delete_=True,
        type='UninextViT',
        embed_dims=1280,
        num_layers=32,
        num_heads=16,
        window_size=14,
        window_blocks=(0, 1, 3, 4, 6, 7, 9, 10),  # the others see the whole image
        drop_path_rate=0.5,
        with_cp=True,
    ),
    neck=dict(in_channels=[640, 1280, 1280]),
)
