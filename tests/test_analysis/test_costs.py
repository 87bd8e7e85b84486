from __future__ import annotations

import pytest
import torch
from torch import nn

from uninext.analysis.costs import (
    FLOPS_PER_SAMPLE,
    costs_table,
    count_costs,
    part_of,
)
from uninext.models.ops import MSDeformAttention


class Attention(MSDeformAttention):
    """To a map of 3 x 4 cells."""

    def forward(self, query, value, reference):
        places = torch.tensor([[3, 4]]), torch.tensor([0]), [(3, 4)]
        return super().forward(query, self.keys(value, *places), reference)


class Toy(nn.Module):
    """Parts named as a network's; the decoder calls a branch of the head."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = nn.Conv2d(3, 4, 3, padding=1)
        self.encoder = Attention(8, num_heads=2, num_levels=1, num_points=3)
        self.decoder = nn.MultiheadAttention(8, 2, batch_first=True)
        self.bbox_head = nn.Linear(8, 5)
        self.scale = nn.Parameter(torch.ones(8, 8))
        self.backbone.weight.requires_grad_(False)

    def run(self) -> None:
        self.backbone(torch.ones(1, 3, 6, 7))
        query = torch.ones(2, 10, 8)
        self.encoder(query, torch.ones(2, 12, 8), torch.full((2, 10, 1, 2), 0.5))
        self.decoder(query, query, query)
        self.bbox_head(query @ self.scale)


def test_nothing_is_done_in_an_empty_pass():
    parts = count_costs(Toy().eval(), lambda: None)
    assert [part.flops for part in parts] == [0] * 5
    assert '| all | 0.00 M' in costs_table(parts)
    assert count_costs(nn.Identity(), lambda: None) == []


def test_operations_are_those_of_the_formulas():
    toy = Toy().eval()
    flops = {part.name: part.flops for part in count_costs(toy, toy.run)}
    rows = 2 * 10
    assert flops['backbone'] == 2 * (6 * 7) * 4 * (3 * 3 * 3)
    products = 2 * 8 * (rows * 12 + rows * 6 + 2 * 12 * 8 + rows * 8)
    assert flops['encoder'] == products + FLOPS_PER_SAMPLE * rows * 3 * 8
    projections = 4 * 2 * rows * 8 * 8
    assert flops['decoder'] == projections + 2 * (2 * 2 * 10 * 10 * 8)
    assert flops['box, IoU and retrieval head'] == 2 * rows * 8 * 5
    assert flops['other'] == 2 * rows * 8 * 8


def test_parameters_are_counted_and_the_model_is_left_as_it_was():
    toy = Toy().eval()
    parts = {part.name: part for part in count_costs(toy, toy.run)}
    assert sum(p.parameters for p in parts.values()) == sum(
        p.numel() for p in toy.parameters()
    )
    assert parts['backbone'].parameters == 4 * 27 + 4
    assert parts['backbone'].trainable == 4
    learning = {n for n, p in toy.named_parameters() if not p.requires_grad}
    assert learning == {'backbone.weight'}
    assert not toy.decoder._forward_hooks
    assert not toy.decoder._forward_pre_hooks


def test_a_pass_that_fails_leaves_nothing_behind():
    toy = Toy().eval()
    with pytest.raises(RuntimeError):
        count_costs(toy, lambda: toy.bbox_head(torch.ones(1, 3)))
    assert not toy.bbox_head._forward_hooks
    assert toy.bbox_head.weight.requires_grad


@pytest.mark.parametrize(
    ('name', 'part'),
    [
        ('backbone.layer1.0', 'backbone'),
        ('backbones', 'other'),
        ('prompt_generator.text_encoder.embeddings', 'text encoder'),
        ('prompt_generator.proj', 'prompt projection'),
        ('visual_prompt_generator.backbone.conv1', 'template backbone'),
        ('level_embed', 'other'),
        ('', 'other'),
    ],
)
def test_parts_by_name(name: str, part: str):
    assert part_of(name) == part


def test_the_table_adds_up():
    toy = Toy().eval()
    lines = costs_table(count_costs(toy, toy.run)).splitlines()
    shares = [float(line.split('|')[-2].strip(' %')) for line in lines[2:]]
    assert shares[-1] == 100
    assert sum(shares[:-1]) == pytest.approx(100, abs=0.3)
