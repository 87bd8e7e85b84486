"""The parts of a network as graphs of tensors, and inputs to try them with.

An image's levels are computed once, a prompt's tokens once; ``instances`` brings a row
of each together, however many rows and tokens there are. Sizes of images are fixed:
each has graphs of its own.

Shape legend: B images, R rows (an image with one of its prompts), L prompt tokens, K
tokens that queries are compared with, Q queries, C channels, Cp prompt channels, M
chosen queries, T templates of side S, (H, W) the padded image.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from uninext.models.detectors import UNINEXT, UNINEXTVideo
from uninext.models.transformer import FeaturePyramid
from uninext.structures import PromptFeatures

Inputs = dict[str, Tensor]
MAX_DRAWS = 100
NOISE = 1e-5  # of float32 scores after the encoder, relative to the largest
MIN_SIDE = 32  # a cell of the coarsest level of the backbone
# Rows and tokens of the inputs that a graph is tried with: the first is traced.
_SIZES = ((3, 7), (1, 2), (1, 5), (2, 1), (2, 9), (4, 3), (5, 17), (1, 24), (3, 12))


@dataclass(frozen=True)
class Graph:
    """A part of a network.

    Attributes:
        name: Of the file, without a suffix.
        module: Takes the inputs in their order, gives a tuple of tensors.
        inputs: For each input its dimensions that may vary.
        outputs: Names, in the order of the tuple.
        draw: Random inputs of a number of rows and one of tokens.
        is_clear: Whether float noise cannot change what is right for some inputs.
    """

    name: str
    module: nn.Module
    inputs: dict[str, tuple[int, ...]]
    outputs: tuple[str, ...]
    draw: Callable[[int, int], Inputs]
    is_clear: Callable[[Inputs], bool] = lambda inputs: True

    def examples(self) -> list[Inputs]:
        """Inputs to try the graph with, all drawn from one seed, all clear.

        Raises:
            ValueError: If ``MAX_DRAWS`` in a row are not.
        """
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            return [self._draw_clear(rows, tokens) for rows, tokens in _SIZES]

    def _draw_clear(self, rows: int, tokens: int) -> Inputs:
        for _ in range(MAX_DRAWS):
            inputs = self.draw(rows, tokens)
            if self.is_clear(inputs):
                return inputs
        raise ValueError(
            f'{self.name} cannot be verified: in {MAX_DRAWS} random inputs proposals '
            'score the same. Are the weights those of a trained model?'
        )

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Of the inputs that are traced; those of others differ where they may."""
        return {name: tuple(x.shape) for name, x in self.draw(*_SIZES[0]).items()}


def graphs_of(model: UNINEXT, sizes_hw: Sequence[tuple[int, int]]) -> list[Graph]:
    """The graphs of a network for padded images of some sizes.

    ``text`` ids (1, L) -> (1, L, Cp); ``template`` (T, 4, S, S) -> (T, L, Cp); and of
    each size, :func:`of_size`, ``image`` (B, 3, H, W) -> levels; ``instances`` -> what
    each row finds; ``masks`` -> (M, H / 4, W / 4) logits. Those that the network lacks
    are left out.

    Args:
        model: In evaluation mode, on the CPU.
        sizes_hw: Height and width of the padded images.

    Raises:
        ValueError: If there is no size, or one is below 32 x 32.
    """
    if not sizes_hw:
        raise ValueError('Exported images need a size, got none.')
    graphs = [_text(model)]
    if isinstance(model, UNINEXTVideo):
        graphs.append(_template(model))
    for size_hw in dict.fromkeys(sizes_hw):
        for graph in _graphs_of_size(model, size_hw):
            graphs.append(replace(graph, name=of_size(graph.name, size_hw)))
    return graphs


def of_size(name: str, size_hw: Sequence[int]) -> str:
    """Name of the graph of a size."""
    return f'{name}_{size_hw[0]}x{size_hw[1]}'


def _graphs_of_size(model: UNINEXT, size_hw: tuple[int, int]) -> list[Graph]:
    height, width = size_hw
    if min(size_hw) < MIN_SIDE:
        raise ValueError(
            f'The sides of exported images must be {MIN_SIDE} pixels or more, got '
            f'{height} x {width} (height x width). Smaller images are padded to them.'
        )
    with torch.no_grad():
        levels = model.extract_feat(torch.zeros(1, 3, height, width))
    shapes = [tuple(level.shape[1:]) for level in levels]
    graphs = [_image(model, size_hw, len(levels)), _instances(model, size_hw, shapes)]
    if model.mask_head is not None:
        graphs.append(_masks(model, shapes[0]))
    return graphs


class _Image(nn.Module):
    def __init__(self, model: UNINEXT) -> None:
        super().__init__()
        self.model = model

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        return tuple(level.contiguous() for level in self.model.extract_feat(image))


def _image(model: UNINEXT, size_hw: tuple[int, int], num_levels: int) -> Graph:
    return Graph(
        'image',
        _Image(model),
        {'image': (0,)},
        tuple(f'level{i}' for i in range(num_levels)),
        lambda rows, tokens: {'image': torch.randn(rows, 3, *size_hw)},
    )


class _Text(nn.Module):
    def __init__(self, model: UNINEXT) -> None:
        super().__init__()
        self.encoder = model.prompt_generator.text_encoder

    def forward(self, ids: Tensor) -> tuple[Tensor, ...]:
        return (self.encoder(input_ids=ids).last_hidden_state,)


def _text(model: UNINEXT) -> Graph:
    vocabulary = model.prompt_generator.text_encoder.config.vocab_size
    longest = model.prompt_generator.max_tokens
    return Graph(
        'text',
        _Text(model),
        {'ids': (1,)},
        ('embeds',),
        lambda rows, tokens: {
            'ids': torch.randint(vocabulary, (1, min(tokens + 2, longest)))
        },
    )


class _Template(nn.Module):
    def __init__(self, model: UNINEXTVideo) -> None:
        super().__init__()
        self.generator, self.neck = model.visual_prompt_generator, model.neck

    def forward(self, template: Tensor) -> tuple[Tensor, ...]:
        return (self.generator.tokens_of(template, self.neck),)


def _template(model: UNINEXTVideo) -> Graph:
    sizes = {getattr(t, 'template_size', 256) for t in model.trackers.values()}
    size = min(sizes, default=256)
    return Graph(
        'template',
        _Template(model),
        {'template': (0,)},
        ('embeds',),
        lambda rows, tokens: {'template': torch.randn(rows, 4, size, size)},
    )


class _LevelMasks(nn.Module):
    """The masks of :func:`uninext.models.transformer.level_masks`, by gathering.

    Runtimes and torch round otherwise where they sample the nearest neighbour, and a
    size is no multiple of the other: which pixel a cell looks at is written down.
    """

    def __init__(
        self, size_hw: Sequence[int], sizes_hw: Sequence[Sequence[int]]
    ) -> None:
        super().__init__()
        self.num_levels = len(sizes_hw)
        for axis, name in enumerate(('rows', 'columns')):
            finest = sizes_hw[0][axis]
            for level, size in enumerate(sizes_hw):
                if level < self.num_levels - 1:
                    places = _nearest(size_hw[axis], size[axis])
                else:
                    places = _nearest(size_hw[axis], finest)
                    places = places[_nearest(finest, size[axis])]
                self.register_buffer(f'{name}{level}', places, persistent=False)

    def forward(self, mask: Tensor) -> list[Tensor]:
        rows, columns = (
            [getattr(self, f'{name}{level}') for level in range(self.num_levels)]
            for name in ('rows', 'columns')
        )
        return [
            mask.index_select(1, row).index_select(2, column)
            for row, column in zip(rows, columns)
        ]


def _nearest(size: int, to_size: int) -> Tensor:
    """Which of ``size`` cells each of ``to_size`` is sampled from, as torch does it."""
    cells = torch.arange(size, dtype=torch.float32).view(1, 1, size, 1)
    return F.interpolate(cells, size=(to_size, 1)).flatten().long()


class _Instances(nn.Module):
    """Rows of levels and of prompt tokens -> what each row finds.

    ``looked`` (R, L) bool: the tokens that fusion looks at. ``shares`` (R, K, L): what
    queries are compared with, of the fused tokens: an identity for names, the weights
    of their average for what is pooled.
    """

    def __init__(
        self,
        model: UNINEXT,
        size_hw: Sequence[int],
        sizes_hw: Sequence[Sequence[int]],
    ) -> None:
        super().__init__()
        self.model = model
        self.masks = _LevelMasks(size_hw, sizes_hw)

    def forward(
        self,
        levels: Sequence[Tensor],
        padding: Tensor,
        embeds: Tensor,
        looked: Tensor,
        shares: Tensor,
    ) -> tuple[Tensor, ...]:
        model = self.model
        pyramid = FeaturePyramid.from_masks(
            levels, self.masks(padding), model.positional_encoding, model.level_embed
        )
        prompt = PromptFeatures(embeds, looked, pooled=False, positive_maps=[])
        decoded = model.decode(pyramid, prompt)
        compared = decoded.prompt.with_embeds(shares @ decoded.prompt.embeds)
        found = model.bbox_head(
            decoded.hidden_states, decoded.references, compared, layers=[-1]
        )
        outputs = [found.logits[0], found.boxes[0]]
        outputs += [decoded.hidden_states[-1], decoded.references[-2][..., :2]]
        if found.ious is not None:
            outputs.append(found.ious[0])
        if model.mask_head is not None:
            outputs.append(model.mask_features(decoded.memory))
        embedded = model.embed(decoded)
        return (*outputs, *([] if embedded is None else [embedded]))


def _instances(
    model: UNINEXT, size_hw: tuple[int, int], shapes: Sequence[tuple[int, ...]]
) -> Graph:
    with_ious, with_masks = model.bbox_head.with_iou_branch, model.mask_head is not None
    optional = {'ious': with_ious, 'mask_feat': with_masks}
    optional['track_embeds'] = isinstance(model, UNINEXTVideo)
    prompt_dims = model.prompt_generator.text_encoder.config.hidden_size

    def draw(rows: int, tokens: int) -> Inputs:
        inputs = {f'level{i}': torch.randn(rows, *s) for i, s in enumerate(shapes)}
        padding = torch.zeros(rows, *size_hw, dtype=torch.bool)
        padding[-1, size_hw[0] * 3 // 4 :] = True  # one of the images is smaller
        padding[-1, :, size_hw[1] - tokens :] = True
        looked = torch.ones(rows, tokens, dtype=torch.bool)
        looked[0, 1 + tokens // 2 :] = False
        shares = torch.eye(tokens).repeat(rows, 1, 1)
        if rows % 2 == 0:  # pooled
            shares = looked[:, None].float() / looked.sum(1)[:, None, None]
        embeds = torch.randn(rows, tokens, prompt_dims)
        return inputs | dict(
            padding=padding, embeds=embeds, looked=looked, shares=shares
        )

    module = _Flat(_Instances(model, size_hw, [s[1:] for s in shapes]), len(shapes))
    levels = {f'level{i}': (0,) for i in range(len(shapes))}
    others = {'padding': (0,), 'embeds': (0, 1), 'looked': (0, 1), 'shares': (0, 1, 2)}
    return Graph(
        'instances',
        module,
        levels | others,
        ('logits', 'boxes_cxcywh', 'query', 'centres_xy')
        + tuple(name for name, is_there in optional.items() if is_there),
        draw,
        partial(_is_order_clear, model, module),
    )


@torch.no_grad()
def _is_order_clear(model: UNINEXT, module: nn.Module, inputs: Inputs) -> bool:
    """Whether no two proposals score the same but for float noise.

    The i-th best meets the i-th content query: in another order, which is as right,
    both come out different. Tokens outside of the image score equally, and are equal.
    """
    scores: list[Tensor] = []
    proposals = model.bbox_head.cls_branches[-1]
    hook = proposals.register_forward_hook(lambda *call: scores.append(call[2][..., 0]))
    try:
        module(*inputs.values())
    finally:
        hook.remove()
    chosen = min(model.query_selector.num_queries + 1, scores[0].shape[1])
    top = scores[0].topk(chosen, dim=1).values
    gaps = top[:, :-1] - top[:, 1:]
    return not bool(((gaps > 0) & (gaps <= NOISE * top.abs().max())).any())


class _Flat(nn.Module):
    """A module whose first argument is a list, called with its members one by one."""

    def __init__(self, module: nn.Module, number: int) -> None:
        super().__init__()
        self.module, self.number = module, number

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        return self.module(inputs[: self.number], *inputs[self.number :])


class _Masks(nn.Module):
    def __init__(self, head: nn.Module) -> None:
        super().__init__()
        self.head = head

    def forward(
        self, query: Tensor, centres_xy: Tensor, mask_feat: Tensor
    ) -> tuple[Tensor, ...]:
        return (self.head(query, centres_xy, mask_feat),)


def _masks(model: UNINEXT, finest: tuple[int, ...]) -> Graph:
    head, (channels, height, width) = model.mask_head, finest

    def draw(rows: int, tokens: int) -> Inputs:
        sides = torch.tensor([8.0 * width, 8.0 * height])
        return dict(
            query=torch.randn(tokens, channels),
            centres_xy=torch.rand(tokens, 2) * sides,
            mask_feat=torch.rand(head.mask_channels, height, width),
        )

    inputs = {'query': (0,), 'centres_xy': (0,), 'mask_feat': ()}
    return Graph('masks', _Masks(head), inputs, ('mask_logits',), draw)
