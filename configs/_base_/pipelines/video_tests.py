# How videos are tested: frame by frame, whole videos to each process; the shortest side
# is 800 pixels, 480 or 720.
__load, __pack = dict(type='LoadImageOrExplain'), dict(type='PackFrame')
__resize = dict(type='Resize', keep_ratio=True, backend='pillow')
test_pipeline = [__load, dict(__resize, scale=(1333, 800)), __pack]
test_pipeline_480 = [__load, dict(__resize, scale=(1333, 480)), __pack]
test_pipeline_720 = [__load, dict(__resize, scale=(1333, 720)), __pack]
test_cfg = dict(type='VideoTestLoop')
test_dataloader = dict(
    batch_size=1, num_workers=2, sampler=dict(type='WholeVideoSampler')
)
