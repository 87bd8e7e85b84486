# Stage 2 with ConvNeXt-T: another backbone takes these lines and nothing else.
# tools/dist_train.sh configs/uninext/stage2_image_convnext-t.py 16
# 16 GPUs x 2 images. No published counterpart (theirs is ConvNeXt-L). Not trained here.
# Source: arXiv 2201.03545; drop path and layer scale as in its detection experiments.
_base_ = './stage2_image.py'
model = dict(
    data_preprocessor=dict(test_pad_size_divisor=32),
    backbone=dict(
        _delete_=True,
        type='mmpretrain.ConvNeXt',
        arch='tiny',
        out_indices=(1, 2, 3),
        drop_path_rate=0.4,
        layer_scale_init_value=1.0,
        gap_before_final_norm=False,
        init_cfg=dict(
            type='Pretrained',
            checkpoint='https://mmassets.onedl.ai/mmclassification/v0/convnext/downstream/convnext-tiny_3rdparty_32xb128-noema_in1k_20220301-795e9634.pth',
            prefix='backbone.',
        ),
    ),
    neck=dict(in_channels=[192, 384, 768]),
)
