"""The currency of the project; imports nothing of ours.

``Prompt``: what is asked for (dataset or user -> network).
``VisualPrompt``, ``Template``: a target annotated in another frame, as a prompt.
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
from uninext.structures.visual_prompt import Template, VisualPrompt

__all__ = [
    'Prompt',
    'PromptFeatures',
    'Template',
    'UninextDataSample',
    'VisualPrompt',
    'clean_category_name',
    'clean_expression',
]
