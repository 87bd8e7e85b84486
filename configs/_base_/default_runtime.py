# What every run shares. Everything that a run writes goes to its work_dir.
default_scope = 'uninext'
runner_type = 'UninextRunner'

default_hooks = dict(
    runtime_info=dict(type='RuntimeInfoHook'),
    timer=dict(type='IterTimerHook'),
    sampler_seed=dict(type='DistSamplerSeedHook'),
    logger=dict(type='SteadyLoggerHook', interval=50),
    param_scheduler=dict(type='ParamSchedulerHook'),
    checkpoint=dict(
        type='SafeCheckpointHook', by_epoch=False, interval=2500, max_keep_ckpts=3
    ),
    visualization=dict(type='DetVisualizationHook'),
)
custom_hooks = [
    dict(type='SeedIterHook'),
    dict(type='SourceLossHook'),
    dict(type='FiniteHook'),
]

env_cfg = dict(
    cudnn_benchmark=False,
    mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0),
    dist_cfg=dict(backend='nccl'),
)

# TensorBoard: repeat the next line in your config with
# vis_backends=[dict(type='LocalVisBackend'), dict(type='TensorboardVisBackend')].
visualizer = dict(
    type='UninextVisualizer',
    name='visualizer',
    vis_backends=[dict(type='LocalVisBackend')],
)
log_processor = dict(type='UninextLogProcessor', by_epoch=False, window_size=50)
log_level = 'INFO'

randomness = dict(seed=42, diff_rank_seed=False)

load_from = None  # weights to start from: a path or an address
load_allow = []  # regular expressions of keys that may differ from load_from
resume = False
resume_allow = []  # of 'seed', 'processes', 'batches', 'files': what may differ
