# What all tests on videos share: frame by frame, whole videos to each process.
test_dataloader = dict(
    batch_size=1, num_workers=2, sampler=dict(type='WholeVideoSampler')
)
