"""An exported folder as a network: graphs compute, the rest is what all networks share.

Shape legend: B images, R rows (an image with one of its prompts), L prompt tokens, Q
queries, C channels, (H, W) the size that was exported.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from uninext.export.folder import read_folder
from uninext.export.graph_files import FORMATS, Run, check_packages
from uninext.export.graphs import of_size
from uninext.models.detectors import PromptedDetector
from uninext.models.detectors.passes import PromptRow
from uninext.models.predictors import InstancePredictor, RowOutputs
from uninext.models.prompt_generators import (
    LanguagePromptGenerator,
    TemplatePromptGenerator,
)
from uninext.models.prompt_generators.bert import BertOutput
from uninext.models.speed_options import SpeedOptions
from uninext.registry import MODELS
from uninext.structures import PromptFeatures, UninextDataSample, VisualPrompt
from uninext.utils.files import FileError


@dataclass
class ExportedPyramid:
    """Levels of images, and where they are padding.

    Attributes:
        levels: (B, C, Hl, Wl) each.
        padding: (B, H, W) bool, True outside of the image.
        size_hw: (H, W).
    """

    levels: Sequence[Tensor]
    padding: Tensor
    size_hw: tuple[int, int]

    @property
    def num_tokens(self) -> int:
        """Cells of all levels of an image."""
        return sum(level.shape[-2:].numel() for level in self.levels)


class ExportedUNINEXT(PromptedDetector):
    """Ask graphs that were exported; no layer of the network is built.

    Args:
        folder: That :func:`uninext.export.export_model` wrote.

    Attributes:
        sizes_hw: Each (H, W), smallest first; images are padded to the first that
            holds them.
        about: What the folder says of itself.

    Raises:
        FileError: If a file is absent, another than was verified, or of another
            version; it says what to do.
        ValueError: If the package that runs it is not installed.
    """

    device = torch.device('cpu')

    def __init__(self, folder: str | Path) -> None:
        about = read_folder(folder)
        config = about['config']['model']
        super().__init__(data_preprocessor=config['data_preprocessor'])
        self.about = about
        self.sizes_hw = sorted(map(tuple, about['sizes_hw']), key=math.prod)
        check_packages(about['format'])
        load = FORMATS[about['format']].load
        self._graphs = {
            name: partial(_named, load(Path(folder) / graph['file']), graph['outputs'])
            for name, graph in about['graphs'].items()
        }
        vocabulary = about['vocabulary']
        self.prompt_generator = LanguagePromptGenerator(
            _TextEncoder(
                self._graphs['text'], vocabulary['num_tokens'], about['max_tokens']
            ),
            tokenizer=str(Path(folder) / vocabulary['file']),
            max_tokens=about['max_tokens'],
        )
        _, of_predictor = SpeedOptions.split(config.get('test_cfg') or {})
        self.predictor = InstancePredictor(**of_predictor)
        self.mask_head, self.can_track = None, 'template' in self._graphs
        masks = [of_size('masks', size) for size in self.sizes_hw]
        if masks[0] in self._graphs:
            self.mask_head = _MaskHead(
                {_mask_size(about['graphs'][m]): self._graphs[m] for m in masks}
            )
        if self.can_track:
            self._templates = _TemplateEncoder(self._graphs['template'])
        trackers = config.get('trackers') or {}
        self.trackers = {k: MODELS.build(v) for k, v in trackers.items()}
        self.max_rows = config.get('max_rows')
        self.eval()

    def extract_feat(self, batch_inputs: Tensor) -> tuple[Tensor, ...]:
        """Levels (B, C, Hl, Wl) of images (B, 3, h, w), padded to (H, W).

        Raises:
            ValueError: If they are larger.
        """
        height, width = batch_inputs.shape[-2:]
        size = self._size_for((height, width))
        padded = F.pad(batch_inputs, (0, size[1] - width, 0, size[0] - height))
        return tuple(self._graphs[of_size('image', size)](dict(image=padded)).values())

    def build_pyramid(
        self, levels: Sequence[Tensor], data_samples: Sequence[UninextDataSample]
    ) -> ExportedPyramid:
        """See :meth:`PromptedDetector.build_pyramid`."""
        size = self._size_for(data_samples[0].batch_input_shape)
        padding = torch.ones(len(data_samples), *size, dtype=torch.bool)
        for mask, sample in zip(padding, data_samples):
            height, width = sample.img_shape[:2]
            mask[:height, :width] = False
        return ExportedPyramid(levels, padding, size)

    def encode_targets(self, targets: Sequence[VisualPrompt]) -> PromptFeatures:
        """See :meth:`PromptedDetector.encode_targets`."""
        if not self.can_track:
            return super().encode_targets(targets)
        to_inputs = self.data_preprocessor.template_inputs
        return self._templates(targets, nn.Identity(), to_inputs)

    def find(
        self,
        pyramid: ExportedPyramid,
        rows: Sequence[PromptRow],
        images: Sequence[int],
        with_masks: bool = True,
        with_embeds: bool = False,
    ) -> list[RowOutputs]:
        """See :meth:`PromptedDetector.find`; all is computed whatever is wanted."""
        prompt = self.encode_prompts([row.prompt for row in rows])
        shares = torch.eye(prompt.mask.shape[1]).repeat(len(rows), 1, 1)
        if prompt.pooled:
            shares = prompt.pooling_weights()[:, None]
        of_rows = torch.tensor(images)
        inputs = {f'level{i}': x[of_rows] for i, x in enumerate(pyramid.levels)}
        inputs |= dict(padding=pyramid.padding[of_rows], embeds=prompt.embeds)
        inputs |= dict(looked=prompt.fusion_mask(), shares=shares)
        found = self._graphs[of_size('instances', pyramid.size_hw)](inputs)
        ious, mask_feats, embeds = (
            found.get(name, [None] * len(rows))
            for name in ('ious', 'mask_feat', 'track_embeds')
        )
        return [
            RowOutputs(
                logits=found['logits'][i],
                ious=ious[i],
                boxes_cxcywh=found['boxes_cxcywh'][i],
                positive_map=prompt.positive_maps[i],
                query=found['query'][i],
                centres_xy=found['centres_xy'][i],
                label_offset=row.label_offset,
                pooled=row.prompt.pooled,
                mask_feat=mask_feats[i],
                embeds=embeds[i],
            )
            for i, row in enumerate(rows)
        ]

    def _size_for(self, size_hw: tuple[int, int]) -> tuple[int, int]:
        """The smallest size that holds images."""
        height, width = size_hw
        fitting = (s for s in self.sizes_hw if s[0] >= height and s[1] >= width)
        size = next(fitting, None)
        if size is None:
            known = ', '.join(f'{h} x {w}' for h, w in self.sizes_hw)
            raise ValueError(
                f'This model was exported for images of up to {known} pixels (height x '
                f'width), and got {height} x {width}. Resize to less, scale=(long, '
                'short) (--scale LONG SHORT), or export again with another --size '
                f'besides: uninext export --size {height} {width}.'
            )
        return size

    # ------------------------------------------------------------- what it cannot do

    def to(self, *args: Any, **kwargs: Any) -> ExportedUNINEXT:
        """Stay on the CPU.

        Raises:
            ValueError: If another device is meant.
        """
        device = torch._C._nn._parse_to(*args, **kwargs)[0]
        if device is not None and device.type != 'cpu':
            raise ValueError(
                f'An exported model runs on the CPU, got {str(device)!r}. Take the '
                'checkpoint, or hide the accelerator: CUDA_VISIBLE_DEVICES="".'
            )
        return super().to(*args, **kwargs)

    def set_speed(self, **options: Any) -> NoReturn:
        """Refuse: it is as it was exported.

        Raises:
            ValueError: Always.
        """
        raise ValueError(
            f'An exported model computes as it was exported, and {sorted(options)} of '
            'it cannot be changed. Leave them out, or take the checkpoint.'
        )

    def loss(self, batch_inputs: Tensor, batch_data_samples: Any) -> NoReturn:
        """Refuse: there are no weights to learn.

        Raises:
            ValueError: Always.
        """
        raise ValueError('An exported model cannot be trained. Take the checkpoint.')

    def _forward(self, batch_inputs: Tensor, batch_data_samples: Any) -> NoReturn:
        raise ValueError('An exported model has no raw outputs. Take the checkpoint.')


def _named(
    run: Run, names: Sequence[str], inputs: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """Outputs of a graph by name."""
    return dict(zip(names, run(inputs), strict=True))


class _TextEncoder(nn.Module):
    """Called as a text encoder of transformers, one text at a time."""

    device = torch.device('cpu')

    def __init__(self, graph: Any, vocab_size: int, max_tokens: int) -> None:
        super().__init__()
        self._graph = graph
        self.config = SimpleNamespace(
            vocab_size=vocab_size, max_position_embeddings=max_tokens
        )

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor | None = None
    ) -> BertOutput:
        if attention_mask is not None or len(input_ids) != 1:
            raise FileError('Texts are encoded one by one by an exported model.')
        return BertOutput(self._graph(dict(ids=input_ids))['embeds'])


class _TemplateEncoder(TemplatePromptGenerator):
    """Tokens of templates by a graph."""

    def __init__(self, graph: Any) -> None:
        super().__init__()
        self._graph = graph

    def tokens_of(self, inputs: Tensor, neck: nn.Module) -> Tensor:
        """See :meth:`TemplatePromptGenerator.tokens_of`; the neck is in the graph."""
        return self._graph(dict(template=inputs))['embeds']


def _mask_size(about_graph: Mapping[str, Any]) -> tuple[int, int]:
    """(Hs, Ws) of the features that a graph makes masks of."""
    return tuple(about_graph['inputs']['mask_feat']['shape'][-2:])


class _MaskHead(nn.Module):
    """Masks of queries by graphs, (M, 2 * Hs, 2 * Ws) logits; a graph for each size."""

    def __init__(self, graphs: Mapping[tuple[int, int], Any]) -> None:
        super().__init__()
        self._graphs = graphs

    def forward(self, query: Tensor, centres_xy: Tensor, mask_feat: Tensor) -> Tensor:
        height, width = mask_feat.shape[-2:]
        if not len(query):
            return query.new_zeros(0, 2 * height, 2 * width)
        inputs = dict(query=query, centres_xy=centres_xy, mask_feat=mask_feat)
        return self._graphs[height, width](inputs)['mask_logits']
