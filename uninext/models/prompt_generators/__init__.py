"""Encoders of prompts: text, and targets of other frames.

``LanguagePromptGenerator``: category names or an expression -> ``PromptFeatures``, by a
BERT-shaped text encoder.
``VisualPromptGenerator``: targets of other frames -> ``PromptFeatures``.
``build_text_encoder``, ``load_pretrained``: that encoder out of a config, its weights.
"""

from uninext.models.prompt_generators.language_prompt_generator import (
    LanguagePromptGenerator,
)
from uninext.models.prompt_generators.text_encoder import (
    build_text_encoder,
    load_pretrained,
)
from uninext.models.prompt_generators.visual_prompt_generator import (
    TemplatePromptGenerator,
    VisualPromptGenerator,
)

__all__ = [
    'LanguagePromptGenerator',
    'TemplatePromptGenerator',
    'VisualPromptGenerator',
    'build_text_encoder',
    'load_pretrained',
]
