# How videos of the Shapes suite are tested: frame by frame, whole videos to each process.
test_pipeline = [
    dict(type='LoadImageOrExplain'),
    dict(type='Resize', scale=(320, 240), keep_ratio=True, backend='pillow'),
    dict(type='PackFrame'),
]
test_cfg = dict(type='VideoTestLoop')
test_dataloader = dict(
    batch_size=1, num_workers=1, sampler=dict(type='WholeVideoSampler')
)
