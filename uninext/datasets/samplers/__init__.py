"""Which samples form the next batch.

Enter: what is known of the samples of each source. Leave: batches of draws,
or the frames of whole videos in order.
"""

from uninext.datasets.samplers.class_aware_sampler import class_aware_weights
from uninext.datasets.samplers.multi_task_batch_sampler import MultiTaskBatchSampler
from uninext.datasets.samplers.whole_video_sampler import WholeVideoSampler

__all__ = ['MultiTaskBatchSampler', 'WholeVideoSampler', 'class_aware_weights']
