"""The network, from images and prompts to losses or predictions.

In the order of the data: ``data_preprocessors`` -> ``backbones``, ``prompt_generators``
-> ``necks`` (fusion) -> ``transformer`` (on ``ops``) -> ``heads`` -> ``task_modules``
and ``losses`` in training, ``predictors`` in test, and ``trackers`` from frame to frame
of a video; ``detectors`` joins them. Nothing here imports datasets.
"""

import uninext.registry  # noqa: F401  (before mmdet: stands in for absent ops)

from . import (  # noqa: F401  (registers)
    backbones,
    data_preprocessors,
    detectors,
    heads,
    losses,
    necks,
    ops,
    predictors,
    prompt_generators,
    task_modules,
    trackers,
    transformer,
)
