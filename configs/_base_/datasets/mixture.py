# Training data of all stages: sources, of which every batch takes one. A config adds
#   train_dataloader = dict(dataset=dict(sources=[dict(name=..., dataset=...), ...]))
train_dataloader = dict(
    batch_size=2,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='DefaultSampler'),
    batch_sampler=dict(type='MultiTaskBatchSampler'),
    dataset=dict(type='MultiTaskDataset'),
)
