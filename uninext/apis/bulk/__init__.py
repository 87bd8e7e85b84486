"""Many images and videos into shards: on this machine or several, and over again.

``tasks``: sources become tasks, a shard each. ``parquet``: images in Parquet files.
``plan``: which tasks a folder of results has, kept in it; what is done is skipped.
``worker``: a task through the network. ``shards``: what it gives, as a file.
``engines``: workers in this process, or Ray's. ``run``: all of it.
``batches``: the actor class of Ray Data's ``map_batches``.
"""

from uninext.apis.bulk.batches import FindInBatches
from uninext.apis.bulk.plan import Question
from uninext.apis.bulk.run import BulkReport, predict_in_bulk

__all__ = ['BulkReport', 'FindInBatches', 'Question', 'predict_in_bulk']
