"""Encode targets of other frames.

It makes :class:`PromptFeatures` of visual prompts, for the fusion neck: what the text
encoder is for words.

Shape legend: B prompts, T templates, S side of a template, s = S / 8, C channels,
Cp prompt channels, L = s * s tokens a template.
"""

from __future__ import annotations

import copy
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from weakref import WeakKeyDictionary

import torch
import torch.nn.functional as F
from mmdet.models.utils import aligned_bilinear
from mmengine.model import BaseModule, ModuleList
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from uninext.models.backbones import widen_input_channels
from uninext.models.ops import FoldedNorm, to_channels_last
from uninext.registry import MODELS
from uninext.structures import PromptFeatures, Template, VisualPrompt
from uninext.utils.transfers import tensor_on, upload
from uninext.utils.weights_stamp import weights_stamp

NUM_CHANNELS = 4  # red, green, blue, prior


class TemplatePromptGenerator(BaseModule, ABC):
    """Prompt features of targets, of whatever makes the tokens of a template.

    Without gradient, each template is encoded once and kept as long as it lives.
    """

    def __init__(self) -> None:
        super().__init__()
        self._kept: WeakKeyDictionary[Template, tuple[Tensor, Tensor]]
        self._kept = WeakKeyDictionary()
        self._kept_state: object = None

    @abstractmethod
    def tokens_of(self, inputs: Tensor, neck: nn.Module) -> Tensor:
        """Tokens (T, L, Cp) of normalised templates (T, 4, S, S)."""

    def train(self, mode: bool = True) -> TemplatePromptGenerator:
        """Switch modes; forget what was encoded in another one."""
        if mode != self.training:
            self._kept.clear()
        return super().train(mode)

    def forward(
        self,
        prompts: Sequence[VisualPrompt],
        neck: nn.Module,
        to_inputs: Callable[[Sequence[Template]], Tensor],
    ) -> PromptFeatures:
        """Encode the prompts of a batch.

        Args:
            prompts: B of them.
            neck: The detector's, from backbone levels to levels of C channels.
            to_inputs: Makes normalised (T, 4, S, S) inputs of templates, on the device
                of the network.

        Returns:
            ``embeds`` (B, L', Cp) with the tokens of a prompt's templates one after the
            other; ``mask`` (B, L'), True where the template shows the frame. Fusion
            looks at all tokens of a template, its padding too (method.md 1.5).

        Raises:
            ValueError: If there is no prompt, or the levels of a template cannot be
                brought to one size.
        """
        if not prompts:
            raise ValueError('Expected at least one prompt to encode, got none.')
        encoded = self._encode(
            [t for p in prompts for t in p.templates], neck, to_inputs
        )
        parts, tokens, real = [], [], []
        for prompt in prompts:
            of_prompt = [encoded.pop(0) for _ in prompt.templates]
            parts.append(tuple(part[0] for part in of_prompt))
            tokens.append(torch.cat(parts[-1]))
            real.append(torch.cat([part[1] for part in of_prompt]))
        embeds = pad_sequence(tokens, batch_first=True)
        sizes = tensor_on(embeds.device, [len(t) for t in tokens])
        present = torch.arange(embeds.shape[1], device=embeds.device) < sizes[:, None]
        one = torch.ones(1, 1, dtype=torch.bool, device=embeds.device)
        return PromptFeatures(
            embeds=embeds,
            mask=pad_sequence(real, batch_first=True, padding_value=False),
            pooled=True,
            positive_maps=[one] * len(prompts),
            fused_tokens=present,
            kept_tokens=parts if self._keeps() else None,
        )

    def _encode(
        self,
        templates: list[Template],
        neck: nn.Module,
        to_inputs: Callable[[Sequence[Template]], Tensor],
    ) -> list[tuple[Tensor, Tensor]]:
        """Tokens (L, Cp) and their (L,) mask of each template."""
        if not self._keeps():
            return self._run(templates, neck, to_inputs)
        self._drop_stale(neck)
        for template in templates:  # one by one: what is kept must not depend on others
            if template not in self._kept:
                (self._kept[template],) = self._run([template], neck, to_inputs)
        return [self._kept[t] for t in templates]

    def _keeps(self) -> bool:
        return not self.training and not torch.is_grad_enabled()

    def _run(
        self,
        templates: Sequence[Template],
        neck: nn.Module,
        to_inputs: Callable[[Sequence[Template]], Tensor],
    ) -> list[tuple[Tensor, Tensor]]:
        inputs = to_inputs(templates)  # (T, 4, S, S)
        tokens = self.tokens_of(inputs, neck)
        side = math.isqrt(tokens.shape[1])
        padding = torch.stack([t.padding for t in templates])
        padding = upload(padding, inputs.device) > 0
        padding = F.interpolate(padding[:, None].float(), size=(side, side))
        return list(zip(tokens, ~padding.flatten(1).bool()))

    def _drop_stale(self, neck: nn.Module) -> None:
        """Forget what was encoded with other weights, or in another precision."""
        state = weights_stamp(self, neck)
        if state != self._kept_state:
            self._kept.clear()
            self._kept_state = state


@MODELS.register_module()
class VisualPromptGenerator(TemplatePromptGenerator):
    """A backbone of four channels, and a fuser of its levels to one map of tokens.

    The fourth channel tells where the target is. The levels are brought to the channels
    of the detector by its own neck, convolved, brought to the finest level's size and
    added up; a linear layer leads to the channels of the prompt.

    Paper: Universal Instance Perception as Object Discovery and Retrieval,
    arXiv 2303.06674, Section 3.1 and its supplementary material. Follows: method
    section 1.4.

    Args:
        backbone: Config of the detector's image backbone, from which this one differs
            in its four input channels, and in that no stage is frozen.
        num_levels: Levels that the neck makes.
        embed_dims: Channels C of these.
        prompt_dims: Channels Cp of prompts.
    """

    def __init__(
        self,
        backbone: dict,
        num_levels: int = 4,
        embed_dims: int = 256,
        prompt_dims: int = 768,
    ) -> None:
        super().__init__()
        backbone = copy.deepcopy(backbone)
        backbone.pop('init_cfg', None)  # it becomes a copy of the image backbone
        if 'frozen_stages' in backbone:
            backbone['frozen_stages'] = -1
        self.backbone = MODELS.build(backbone)
        widen_input_channels(self.backbone, NUM_CHANNELS)
        self.fuser = ModuleList(
            nn.Conv2d(embed_dims, embed_dims, 3, padding=1) for _ in range(num_levels)
        )
        self.adapter = nn.Linear(embed_dims, prompt_dims)
        self._folded_norm = FoldedNorm()  # of the backbone
        to_channels_last(self)

    def train(self, mode: bool = True) -> VisualPromptGenerator:
        """Switch modes; weights may have been swapped since."""
        if mode != self.training:
            self._folded_norm.clear()
        return super().train(mode)

    def tokens_of(self, inputs: Tensor, neck: nn.Module) -> Tensor:
        """Tokens (T, L, Cp) of normalised templates (T, 4, S, S).

        Raises:
            ValueError: If their levels cannot be brought to one size.
        """
        levels = neck(self._folded_norm.run(self.backbone, inputs))
        sides = [level.shape[-1] for level in levels]
        if any(sides[0] % side for side in sides):
            raise ValueError(
                f'Templates of {inputs.shape[-1]} x {inputs.shape[-1]} pixels have '
                f'levels with the sides {sides}, which are no divisors of the first. '
                'Use TemplatePrompt(size=...) with a multiple of 64, as 128 or 256.'
            )
        fused = self.fuser[0](levels[0])
        for conv, level in zip(self.fuser[1:], levels[1:]):
            factor = fused.shape[-1] // level.shape[-1]
            fused = fused + aligned_bilinear(conv(level), factor)
        return self.adapter(fused.flatten(2).transpose(1, 2))  # (T, L, Cp)
