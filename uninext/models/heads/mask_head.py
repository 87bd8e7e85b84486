"""The mask head: masks of chosen queries by dynamic convolution, and their losses.

Shape legend: B batch, D decoder layers, Q queries, C channels, K mask channels, M
chosen queries of an image, (H, W) padded image, (Hs, Ws) = stride 8 of it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from itertools import accumulate

import torch
import torch.nn.functional as F
from mmdet.models.layers import MLP
from mmdet.models.utils import aligned_bilinear
from mmengine.model import BaseModule, ModuleList
from torch import Tensor, nn

from uninext.models.heads.ground_truth import MASK_STRIDE, ImageTargets
from uninext.models.heads.matched_pairs import MatchedPairs, named_by_layer
from uninext.models.losses import divide_or_zero, fill_boxes, zero_with_gradient
from uninext.registry import MODELS
from uninext.utils.transfers import upload

FEATURE_STRIDE = 8
CELLS_AT_ONCE = 2**22  # of stride 8: K times as many numbers are made of them


@MODELS.register_module()
class PromptMaskHead(BaseModule):
    """Masks by three dynamic 1x1 convolutions whose weights each query predicts.

    Paper: CondInst, arXiv 2003.05664, Sec. 3; BoxInst, arXiv 2012.02310. Relative
    coordinates are raw pixels, measured from the box before the layer's refinement
    (method.md 1.11).

    Args:
        embed_dims: Channels C of memory and queries.
        mask_channels: Channels K of the mask features and dynamic layers.
        refine_channels: Channels before the last convolution.
        with_mask_loss: Learn from mask annotations (stages 2 and 3).
        loss_mask: Focal loss on mask pixels.
        loss_dice: Dice loss on masks.
        loss_projection: BoxInst projection loss; given, masks are learned from boxes.
        loss_pairwise: BoxInst pairwise affinity loss; goes with ``loss_projection``.
        pairwise_warmup: Steps over which the pairwise loss grows to its full weight.
            A step is one decoder layer of one iteration, as the published counter.
        max_box_supervised: Matched pairs that box supervision looks at, per layer.
    """

    def __init__(
        self,
        embed_dims: int = 256,
        mask_channels: int = 8,
        refine_channels: int = 64,
        with_mask_loss: bool = True,
        loss_mask: dict | None = None,
        loss_dice: dict | None = None,
        loss_projection: dict | None = None,
        loss_pairwise: dict | None = None,
        pairwise_warmup: int = 10000,
        max_box_supervised: int = 64,
    ) -> None:
        super().__init__()
        if (loss_projection is None) != (loss_pairwise is None):
            raise ValueError('loss_projection and loss_pairwise go together.')
        channels = mask_channels
        self.mask_channels = channels
        self.weight_sizes = [(channels + 2) * channels, channels * channels, channels]
        self.bias_sizes = [channels, channels, 1]
        num_params = sum(self.weight_sizes) + sum(self.bias_sizes)
        self.controller = MLP(embed_dims, embed_dims, num_params, 3)
        self.refine_convs = ModuleList(
            nn.Conv2d(embed_dims, embed_dims, 3, padding=1) for _ in range(3)
        )
        self.out_convs = ModuleList(
            [
                nn.Conv2d(embed_dims, refine_channels, 3, padding=1),
                nn.Conv2d(refine_channels, channels, 3, padding=1),
            ]
        )
        self.with_mask_loss = with_mask_loss
        self.loss_mask = MODELS.build(
            loss_mask or dict(type='BinaryFocalLoss', mean_pixels=True)
        )
        self.loss_dice = MODELS.build(loss_dice or dict(type='MaskDiceLoss'))
        self.box_supervised = loss_projection is not None
        if self.box_supervised:
            self.loss_projection = MODELS.build(loss_projection)
            self.loss_pairwise = MODELS.build(loss_pairwise)
        self.pairwise_warmup = pairwise_warmup
        self.max_box_supervised = max_box_supervised
        self.register_buffer('warmup_step', torch.zeros(1))

    def init_weights(self) -> None:
        """Xavier for the controller, Kaiming (a=1) for convolutions, zero biases."""
        super().init_weights()
        for layer in self.controller.layers:
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)
        for conv in [*self.refine_convs, *self.out_convs]:
            nn.init.kaiming_uniform_(conv.weight, a=1)
            nn.init.zeros_(conv.bias)

    def forward_features(self, levels: Sequence[Tensor]) -> Tensor:
        """Merge memory of strides 8, 16, 32 to mask features.

        Args:
            levels: Three maps (B, C, Hl, Wl), finest first.

        Returns:
            Tensor: (B, K, Hs, Ws).
        """
        x = F.relu(self.refine_convs[0](levels[2]))
        for conv, finer in zip(self.refine_convs[1:], (levels[1], levels[0])):
            x = finer + F.interpolate(x, size=finer.shape[-2:], mode='nearest')
            x = F.relu(conv(x))
        for conv in self.out_convs:
            x = F.relu(conv(x))
        return x

    def forward(self, query: Tensor, centres_xy: Tensor, mask_feat: Tensor) -> Tensor:
        """Mask logits of chosen queries of one image.

        Args:
            query: (M, C) hidden states.
            centres_xy: (M, 2), pixels of the network's input: where each query looks.
            mask_feat: (K, Hs, Ws) of the image.

        Returns:
            Tensor: (M, 2 * Hs, 2 * Ws) logits at stride 4.
        """
        with torch.autocast(query.device.type, enabled=False):
            params = self.controller(query.float())
            logits = self._dynamic_convs(params, centres_xy.float(), mask_feat.float())
        if not logits.shape[0]:
            size_hw = (logits.shape[1] * 2, logits.shape[2] * 2)
            return logits.new_zeros(0, *size_hw) + zero_with_gradient(params, mask_feat)
        return aligned_bilinear(logits[:, None], 2)[:, 0]

    def _dynamic_convs(
        self, params: Tensor, centres_xy: Tensor, mask_feat: Tensor
    ) -> Tensor:
        """Run each query's own three layers; (M, Hs, Ws) logits."""
        num, channels = params.shape[0], self.mask_channels
        height, width = mask_feat.shape[-2:]
        w1, w2, w3, b1, b2, b3 = params.split(
            [*self.weight_sizes, *self.bias_sizes], dim=1
        )
        w1 = w1.view(num, channels, channels + 2)
        relative = centres_xy[..., None] - _pixel_centres(height, width, mask_feat)
        flat_feat = mask_feat.flatten(1)  # (K, Hs*Ws)
        x = torch.baddbmm(b1[..., None], w1[..., :2], relative)  # (M, K, Hs*Ws)
        x = x + (w1[..., 2:].reshape(-1, channels) @ flat_feat).view_as(x)
        x = torch.baddbmm(b2[..., None], w2.view(num, channels, channels), x.relu())
        x = torch.baddbmm(b3[..., None], w3.view(num, 1, channels), x.relu())
        return x.view(num, height, width)

    def loss(
        self,
        hidden_states: Sequence[Tensor],
        references: Sequence[Tensor],
        mask_feat: Tensor,
        gt_inds: Tensor,
        targets: list[ImageTargets],
    ) -> dict[str, Tensor]:
        """Mask losses of the matched queries of each decoder layer.

        Args:
            hidden_states: D tensors (B, Q, C), matching queries only.
            references: At least D tensors (B, Q, 4); layer ``i`` starts from the
                ``i``-th.
            mask_feat: (B, K, Hs, Ws).
            gt_inds: (D, B, Q) int64, the object of each query; -1: none.
            targets: Per image; those without masks, or of names only, give no mask
                loss.

        Raises:
            ValueError: If masks are learned from boxes and a target has no
                ``color_similarity``.
        """
        pairs = MatchedPairs.from_gt_inds(gt_inds)
        sizes = (gt_inds >= 0).sum(2).T.tolist()  # pairs of [image][layer]
        scales = torch.stack([t.scale_whwh[:2] for t in targets])
        places = pairs.of_queries(torch.stack(list(references[: len(gt_inds)])))
        masks_of = partial(
            self._masks_of,
            pairs.of_queries(torch.stack(list(hidden_states))),
            places[:, :2] * scales[pairs.image_inds],
            mask_feat,
        )
        losses = {}
        if self.with_mask_loss:
            # boxes only, or no pair: DDP still waits for the gradients of all parts
            zero = zero_with_gradient(
                *hidden_states, mask_feat, *self.controller.parameters()
            )
            of_masks = self._mask_losses(masks_of, pairs, sizes, targets, mask_feat)
            losses.update({k: v + zero for k, v in of_masks.items()})
        if self.box_supervised:
            losses.update(
                self._box_supervised_losses(masks_of, pairs, sizes, targets, mask_feat)
            )
        last = len(gt_inds) - 1
        return named_by_layer(losses, [last, *range(last)])

    def _masks_of(
        self,
        query: Tensor,
        centres_xy: Tensor,
        mask_feat: Tensor,
        image: int,
        pairs: slice | Tensor,
    ) -> Tensor:
        """Mask logits of some of an image's pairs."""
        return self(query[pairs], centres_xy[pairs], mask_feat[image])

    def _mask_losses(
        self,
        masks_of: Callable[[int, slice], Tensor],
        pairs: MatchedPairs,
        sizes: list[list[int]],
        targets: list[ImageTargets],
        mask_feat: Tensor,
    ) -> dict[str, Tensor]:
        """Focal and dice losses (D,); all layers of an image at once."""
        at_once = max(1, CELLS_AT_ONCE // mask_feat.shape[-2:].numel())
        totals = mask_feat.new_zeros(2, len(pairs.counts), dtype=torch.float32)
        stop = 0
        for b, target in enumerate(targets):
            start, stop = stop, stop + sum(sizes[b])
            if target.masks is None:
                continue
            for first in range(start, stop, at_once):
                rows = slice(first, min(first + at_once, stop))
                logits, masks = masks_of(b, rows), target.masks[pairs.gt_inds[rows]]
                both = self.loss_mask(logits, masks), self.loss_dice(logits, masks)
                totals = totals.index_add(1, pairs.layer_inds[rows], torch.stack(both))
        focal, dice = divide_or_zero(totals, pairs.counts)
        return dict(loss_mask=focal, loss_dice=dice)

    def _box_supervised_losses(
        self,
        masks_of: Callable[[int, Tensor], Tensor],
        pairs: MatchedPairs,
        sizes: list[list[int]],
        targets: list[ImageTargets],
        mask_feat: Tensor,
    ) -> dict[str, Tensor]:
        """BoxInst: masks from boxes and colours, no mask annotation; (D,) each."""
        if any(t.color_similarity is None for t in targets):
            raise ValueError(
                'Masks are learned from boxes, but the samples have no colour '
                'similarity. Set model.data_preprocessor.with_color_similarity=True.'
            )
        height, width = mask_feat.shape[-2:]
        size_hw = (height * FEATURE_STRIDE, width * FEATURE_STRIDE)
        filled = [fill_boxes(t.boxes_xyxy, size_hw, MASK_STRIDE) for t in targets]
        bounds = torch.tensor(sizes).flatten().cumsum(0).view(len(targets), -1)
        last = bounds.shape[1] - 1
        similarity = torch.stack([t.color_similarity for t in targets])
        projection, pairwise = {}, {}
        for i in [last, *range(last)]:  # the warm-up counts the last layer first
            self.warmup_step += 1
            logits, boxes, image_inds = [], [], []
            stops = bounds[:, i]
            learned = [0 if t.names_only else of[i] for t, of in zip(targets, sizes)]
            for b, rows in enumerate(self._sample_pairs(learned)):
                rows = upload(rows + stops[b] - sizes[b][i], mask_feat.device)
                gt_inds = pairs.gt_inds[rows]
                logits.append(masks_of(b, rows))
                boxes.append(filled[b][gt_inds])
                image_inds.append(torch.full_like(gt_inds, b))
            of_layer = torch.cat(logits), torch.cat(boxes)
            warmup = (self.warmup_step[0] / self.pairwise_warmup).clamp(max=1.0)
            projection[i] = self.loss_projection(*of_layer)
            pairwise[i] = warmup * self.loss_pairwise(
                of_layer[0], similarity, of_layer[1], torch.cat(image_inds)
            )
        order = range(last + 1)
        return dict(
            loss_prj=torch.stack([projection[i] for i in order]),
            loss_pairwise=torch.stack([pairwise[i] for i in order]),
        )

    def _sample_pairs(self, sizes: list[int]) -> list[Tensor]:
        """At most ``max_box_supervised`` pairs of a layer; sorted indices per image."""
        total, most = sum(sizes), self.max_box_supervised
        keep = torch.arange(total)
        if total > most:
            keep = torch.randperm(total)[:most].sort().values
        starts = [0, *accumulate(sizes)]
        parts = zip(starts, starts[1:])
        return [keep[(keep >= a) & (keep < b)] - a for a, b in parts]


def _pixel_centres(height: int, width: int, like: Tensor) -> Tensor:
    """(2, height * width) pixel (x, y) of feature cells: 8 i + 4."""
    xs = torch.arange(width, device=like.device, dtype=torch.float32)
    ys = torch.arange(height, device=like.device, dtype=torch.float32)
    grid_y, grid_x = torch.meshgrid(ys, xs, indexing='ij')
    grid = torch.stack([grid_x.flatten(), grid_y.flatten()])
    return grid * FEATURE_STRIDE + FEATURE_STRIDE // 2
