# What all tests on videos share: frame by frame, whole videos to each process.
test_dataloader = dict(
    batch_size=1, num_workers=2, sampler=dict(type='WholeVideoSampler')
)
# Where boxes alone are judged, neither masks nor what they are made of is computed.
sot_boxes_only = dict(
    followers=dict(box=dict(with_masks=False)), predictor=dict(with_masks=False)
)
mot_boxes_only = dict(
    followers=dict(names=dict(with_masks=False)), predictor=dict(with_masks=False)
)
