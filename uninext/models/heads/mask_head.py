"""The mask head: masks of chosen queries by dynamic convolution, and their losses.

Shape legend: B batch, Q queries, C channels, K mask channels, M chosen queries of an
image, (H, W) padded image, (Hs, Ws) = stride 8 of it.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmdet.models.layers import MLP
from mmdet.models.utils import aligned_bilinear
from mmengine.model import BaseModule, ModuleList
from torch import Tensor, nn

from uninext.models.heads.ground_truth import ImageTargets
from uninext.models.losses import fill_boxes, zero_with_gradient
from uninext.models.task_modules import PromptAssignment
from uninext.registry import MODELS

FEATURE_STRIDE = 8
MASK_STRIDE = 4


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
        if not len(logits):
            size_hw = (logits.shape[1] * 2, logits.shape[2] * 2)
            return logits.new_zeros(0, *size_hw) + zero_with_gradient(params, mask_feat)
        return aligned_bilinear(logits[:, None], 2)[:, 0]

    def _dynamic_convs(
        self, params: Tensor, centres_xy: Tensor, mask_feat: Tensor
    ) -> Tensor:
        """Run each query's own three layers; (M, Hs, Ws) logits."""
        num, channels = len(params), self.mask_channels
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
        assignments: list[list[PromptAssignment]],
        targets: list[ImageTargets],
    ) -> dict[str, Tensor]:
        """Mask losses of the matched queries of each decoder layer.

        Args:
            hidden_states: D tensors (B, Q, C), matching queries only.
            references: At least D tensors (B, Q, 4); layer ``i`` starts from the
                ``i``-th.
            mask_feat: (B, K, Hs, Ws).
            assignments: ``[layer][image]``.
            targets: Per image; those without masks give no mask loss.

        Raises:
            ValueError: If masks are learned from boxes and a target has no
                ``color_similarity``.
        """
        losses = {}
        last = len(hidden_states) - 1
        for i in [last, *range(last)]:  # the warm-up counts the last layer first
            suffix = '' if i == last else f'_{i}'
            args = (hidden_states[i], references[i], mask_feat, assignments[i], targets)
            losses_i = {}
            if self.with_mask_loss:
                losses_i.update(self._mask_losses(*args))
            if self.box_supervised:
                losses_i.update(self._box_supervised_losses(*args))
            losses.update({k + suffix: v for k, v in losses_i.items()})
        return losses

    def _mask_losses(
        self,
        query: Tensor,
        reference: Tensor,
        mask_feat: Tensor,
        matches: list[PromptAssignment],
        targets: list[ImageTargets],
    ) -> dict[str, Tensor]:
        num_pos = sum(len(m.query_inds) for m in matches)
        # boxes only: DDP still waits for the gradients of all parts
        focal = dice = zero_with_gradient(
            query, mask_feat, *self.controller.parameters()
        )
        for b, (match, target) in enumerate(zip(matches, targets)):
            if target.masks is None:
                continue
            centres = reference[b, match.query_inds, :2] * target.scale_whwh[:2]
            logits = self(query[b, match.query_inds], centres, mask_feat[b])
            ground_truth = _subsample(target.masks)[match.gt_inds].to(logits.dtype)
            focal = focal + self.loss_mask(logits, ground_truth, avg_factor=num_pos)
            dice = dice + self.loss_dice(logits, ground_truth, avg_factor=num_pos)
        return dict(loss_mask=focal, loss_dice=dice)

    def _box_supervised_losses(
        self,
        query: Tensor,
        reference: Tensor,
        mask_feat: Tensor,
        matches: list[PromptAssignment],
        targets: list[ImageTargets],
    ) -> dict[str, Tensor]:
        """BoxInst: masks from boxes and colours, no mask annotation."""
        if any(t.color_similarity is None for t in targets):
            raise ValueError(
                'Masks are learned from boxes, but the samples have no colour '
                'similarity. Set model.data_preprocessor.with_color_similarity=True.'
            )
        self.warmup_step += 1
        chosen = self._sample_pairs(matches)
        height, width = mask_feat.shape[-2:]
        size_hw = (height * FEATURE_STRIDE, width * FEATURE_STRIDE)
        logits, boxes, colours = [], [], []
        for b, (match, target) in enumerate(zip(matches, targets)):
            keep = chosen[b]
            query_inds, gt_inds = match.query_inds[keep], match.gt_inds[keep]
            centres = reference[b, query_inds, :2] * target.scale_whwh[:2]
            logits.append(self(query[b, query_inds], centres, mask_feat[b]))
            filled = fill_boxes(target.boxes_xyxy, size_hw, MASK_STRIDE)
            boxes.append(filled[gt_inds])
            colours.append(target.color_similarity.expand(len(gt_inds), -1, -1, -1))
        logits, boxes = torch.cat(logits), torch.cat(boxes)
        warmup = (self.warmup_step[0] / self.pairwise_warmup).clamp(max=1.0)
        pairwise = self.loss_pairwise(logits, torch.cat(colours), boxes)
        return dict(
            loss_prj=self.loss_projection(logits, boxes),
            loss_pairwise=pairwise * warmup,
        )

    def _sample_pairs(self, matches: list[PromptAssignment]) -> list[Tensor]:
        """At most ``max_box_supervised`` pairs; sorted indices per image."""
        sizes = [len(m.query_inds) for m in matches]
        device = matches[0].query_inds.device
        if sum(sizes) <= self.max_box_supervised:
            return [torch.arange(n, device=device) for n in sizes]
        keep = torch.zeros(sum(sizes), dtype=torch.bool, device=device)
        keep[torch.randperm(sum(sizes), device=device)[: self.max_box_supervised]] = (
            True
        )
        return [part.nonzero()[:, 0] for part in keep.split(sizes)]


def _pixel_centres(height: int, width: int, like: Tensor) -> Tensor:
    """(2, height * width) pixel (x, y) of feature cells: 8 i + 4."""
    xs = torch.arange(width, device=like.device, dtype=torch.float32)
    ys = torch.arange(height, device=like.device, dtype=torch.float32)
    grid_y, grid_x = torch.meshgrid(ys, xs, indexing='ij')
    grid = torch.stack([grid_x.flatten(), grid_y.flatten()])
    return grid * FEATURE_STRIDE + FEATURE_STRIDE // 2


def _subsample(masks: Tensor) -> Tensor:
    """Masks of the padded image at stride 4, taken at the cells' centres."""
    start = MASK_STRIDE // 2
    return masks[:, start::MASK_STRIDE, start::MASK_STRIDE]
