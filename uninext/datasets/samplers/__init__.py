"""Which samples form the next batch.

Enter: what is known of the samples of each source. Leave: batches of draws.
"""

from uninext.datasets.samplers.class_aware_sampler import class_aware_weights
from uninext.datasets.samplers.multi_task_batch_sampler import MultiTaskBatchSampler

__all__ = ['MultiTaskBatchSampler', 'class_aware_weights']
