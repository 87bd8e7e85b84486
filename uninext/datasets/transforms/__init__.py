"""Steps of a pipeline: sample dictionaries in, sample dictionaries out.

``frame_sampling`` chooses two frames of a video, ``clips`` treats them alike,
``loading`` reads images and masks, ``augmentation`` crops and filters, ``prompting``
and ``template`` decide what is asked for, ``formatting`` packs it for the model.
"""

from uninext.datasets.transforms.augmentation import (
    KeepVisibleInstances,
    RandomApplyCrop,
)
from uninext.datasets.transforms.clips import ForEachFrame
from uninext.datasets.transforms.formatting import (
    PackClipInputs,
    PackFrame,
    PackUninextInputs,
)
from uninext.datasets.transforms.frame_sampling import SampleFramePair
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
from uninext.datasets.transforms.template import SampleTarget, TemplatePrompt

__all__ = [
    'AllCategoryPrompt',
    'ForEachFrame',
    'KeepVisibleInstances',
    'LoadImageOrExplain',
    'LoadPromptAnnotations',
    'PackClipInputs',
    'PackFrame',
    'PackUninextInputs',
    'RandomApplyCrop',
    'SampleCategoryPrompt',
    'SampleExpressionPrompt',
    'SampleFramePair',
    'SampleTarget',
    'SwapLeftRight',
    'TemplatePrompt',
    'has_ordinal',
    'swap_left_right',
]
