"""Steps of a pipeline: sample dictionaries in, sample dictionaries out.

``loading`` reads images and masks, ``augmentation`` crops and filters, ``prompting``
decides what is asked for, ``formatting`` packs the result for the model.
"""

from uninext.datasets.transforms.augmentation import (
    KeepVisibleInstances,
    RandomApplyCrop,
)
from uninext.datasets.transforms.formatting import PackUninextInputs
from uninext.datasets.transforms.loading import (
    LoadImageOrExplain,
    LoadPromptAnnotations,
)
from uninext.datasets.transforms.prompting import (
    AllCategoryPrompt,
    SampleCategoryPrompt,
    SampleExpressionPrompt,
    SwapLeftRight,
    has_ordinal,
    swap_left_right,
)

__all__ = [
    'AllCategoryPrompt',
    'KeepVisibleInstances',
    'LoadImageOrExplain',
    'LoadPromptAnnotations',
    'PackUninextInputs',
    'RandomApplyCrop',
    'SampleCategoryPrompt',
    'SampleExpressionPrompt',
    'SwapLeftRight',
    'has_ordinal',
    'swap_left_right',
]
