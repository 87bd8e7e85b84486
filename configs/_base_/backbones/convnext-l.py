# What ConvNeXt-L changes in any of the models here: model =
# _base_.pop('convnext_l') takes it, and leaves no such key.
# Source: arXiv 2201.03545, with the numbers of UNINEXT's published configs.
convnext_l = dict(
    data_preprocessor=dict(test_pad_size_divisor=32),
    backbone=dict(
        _delete_=True,
        type='mmpretrain.ConvNeXt',
        arch='large',
        out_indices=(1, 2, 3),
        drop_path_rate=0.7,
        layer_scale_init_value=1.0,
        gap_before_final_norm=False,
        with_cp=False,  # True: slower, with less memory
    ),
    neck=dict(in_channels=[384, 768, 1536]),
)
