# The toy as a config, for tests that start processes.
custom_imports = dict(imports=['helpers.engine_toy'], allow_failed_imports=False)
default_scope = 'uninext'
runner_type = 'UninextRunner'
model = dict(type='ToyNet')
train_dataloader = dict(
    batch_size=2,
    num_workers=0,
    dataset=dict(type='ToyDataset'),
    sampler=dict(type='mmengine.DefaultSampler', shuffle=False),
    batch_sampler=dict(type='ToyBatchSampler'),
)
optim_wrapper = dict(optimizer=dict(type='AdamW', lr=0.01))
param_scheduler = [dict(type='MultiStepLR', by_epoch=False, milestones=[15])]
train_cfg = dict(type='ResumableIterTrainLoop', max_iters=20)
default_hooks = dict(
    logger=dict(type='SteadyLoggerHook', interval=1),
    checkpoint=dict(
        type='SafeCheckpointHook', by_epoch=False, interval=10, max_keep_ckpts=1
    ),
)
custom_hooks = [
    dict(type='SeedIterHook'),
    dict(type='SourceLossHook'),
    dict(type='FiniteHook'),
]
log_processor = dict(type='UninextLogProcessor', window_size=1)
randomness = dict(seed=3)
test_dataloader = dict(
    batch_size=2,
    num_workers=0,
    dataset=dict(type='ToyDataset'),
    sampler=dict(type='mmengine.DefaultSampler', shuffle=False),
)
test_evaluator = dict(type='ToyMetric')
test_cfg = dict()
