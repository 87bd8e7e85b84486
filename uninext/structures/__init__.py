"""The currency of the project; imports nothing of ours.

``Prompt``: what is asked for (dataset or user -> network).
``PromptFeatures``: the encoded prompts of a batch (prompt generator -> fusion, heads).
``UninextDataSample``: an image's prompt, ground truth and predictions.
"""

from uninext.structures.data_sample import UninextDataSample
from uninext.structures.prompt import (
    Prompt,
    PromptFeatures,
    clean_category_name,
    clean_expression,
)

__all__ = [
    'Prompt',
    'PromptFeatures',
    'UninextDataSample',
    'clean_category_name',
    'clean_expression',
]
