"""Which samples form the next batch."""

from uninext.datasets.samplers.class_aware_sampler import class_aware_weights
from uninext.datasets.samplers.multi_task_batch_sampler import MultiTaskBatchSampler
from uninext.datasets.samplers.whole_video_sampler import WholeVideoSampler

__all__ = ['MultiTaskBatchSampler', 'WholeVideoSampler', 'class_aware_weights']
