"""Graphs join to what the network itself finds."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from helpers import small_uninext as small
from uninext.export import Graph, graphs_of
from uninext.export import graphs as graphs_module
from uninext.models.detectors.passes import PromptRow
from uninext.models.transformer import level_masks
from uninext.structures import Prompt

CATEGORIES = [small.names('red cat', 'dog'), small.names('a')]
EXPRESSIONS = [Prompt.from_expression(text) for text in ('red cat', 'the left one')]


@pytest.fixture(scope='module')
def model():
    torch.manual_seed(0)
    return small.build(small.small_video_config()).eval()


@pytest.fixture(scope='module')
def graphs(model):
    sizes = [(64, 64)]
    return {g.name.partition('_')[0]: g.module for g in graphs_of(model, sizes)}


def prompts(kind):
    if kind == 'targets':
        return [small.target(), small.target(2)]
    return CATEGORIES if kind == 'categories' else EXPRESSIONS


@pytest.mark.parametrize('kind', ['categories', 'expressions', 'targets'])
def test_graphs_join_to_the_network(model, graphs, kind):
    asked = prompts(kind)
    samples = [small.sample(asked[0]), small.sample(asked[1], size_hw=(48, 40))]
    inputs = small.images(samples)
    with torch.no_grad():
        levels = graphs['image'](inputs)
        pyramid = model.build_pyramid(model.extract_feat(inputs), samples)
        rows = [PromptRow(i, prompt, 0) for i, prompt in enumerate(asked)]
        expected = model.find(pyramid, rows, [0, 1], with_embeds=True)
        prompt = model.encode_prompts(asked)
        shares = torch.eye(prompt.embeds.shape[1]).repeat(2, 1, 1)
        if prompt.pooled:
            shares = prompt.pooling_weights()[:, None]
        padding = torch.ones(2, 64, 64, dtype=torch.bool)
        padding[0] = padding[1, :48, :40] = False
        looked = prompt.fusion_mask()
        found = graphs['instances'](*levels, padding, prompt.embeds, looked, shares)
        for i, one in enumerate(expected):
            wanted = [one.logits, one.boxes_cxcywh, one.query, one.centres_xy]
            wanted += [one.ious, one.mask_feat, one.embeds]
            for want, got in zip(wanted, found, strict=True):
                torch.testing.assert_close(got[i], want, atol=1e-4, rtol=1e-4)
        chosen = torch.tensor([1, 0, 4])
        one = expected[0]
        masks = one.mask_logits(model.mask_head, chosen, (64, 64))
        centres = one.centres_xy[chosen] * 64
        (got,) = graphs['masks'](one.query[chosen], centres, one.mask_feat)
        assert torch.equal(got, masks)


@pytest.mark.parametrize('size_hw', [(64, 64), (240, 320), (101, 83), (33, 470)])
def test_gathered_masks_are_those_of_the_network(size_hw):
    steps = [(-(-side // 8), -(-side // 16), -(-side // 32)) for side in size_hw]
    sizes_hw = [*zip(*steps)]
    sizes_hw.append(tuple((side + 1) // 2 for side in sizes_hw[-1]))
    masks = torch.rand(5, *size_hw) > 0.5
    masks[0] = False
    gathered = graphs_module._LevelMasks(size_hw, sizes_hw)(masks)
    for got, want in zip(gathered, level_masks(masks, sizes_hw), strict=True):
        assert torch.equal(got, want)


def test_examples_fit_their_graphs(model):
    for graph in graphs_of(model, [(64, 64)]):
        examples = graph.examples()
        assert len(examples) >= 8
        again = graph.examples()[0]
        assert all(torch.equal(again[k], v) for k, v in examples[0].items())
        assert all(list(one) == list(graph.inputs) for one in examples)
        for name, dims in graph.inputs.items():
            shapes = {tuple(one[name].shape) for one in examples}
            varies = [
                d for d in range(len(min(shapes))) if len({s[d] for s in shapes}) > 1
            ]
            assert tuple(varies) == dims, (graph.name, name)
            assert len(graph.shapes()[name]) == len(min(shapes))


def test_each_size_has_graphs_of_its_own(model):
    names = [graph.name for graph in graphs_of(model, [(32, 64), (64, 32)] * 2)]
    of_one = ['image_32x64', 'instances_32x64', 'masks_32x64']
    of_other = ['image_64x32', 'instances_64x32', 'masks_64x32']
    assert names == ['text', 'template', *of_one, *of_other]
    with pytest.raises(ValueError, match='got none'):
        graphs_of(model, [])


def test_inputs_that_are_not_clear_are_drawn_again():
    def draw(rows, tokens):
        return {'x': torch.randn(rows)}

    graph = Graph('x', torch.nn.Identity(), {'x': (0,)}, ('x',), draw)
    unclear = [inputs['x'].sum() <= 0 for inputs in graph.examples()]
    assert any(unclear)
    clear = replace(graph, is_clear=lambda inputs: bool(inputs['x'].sum() > 0))
    assert all(inputs['x'].sum() > 0 for inputs in clear.examples())
    with pytest.raises(ValueError, match='x cannot be verified'):
        replace(graph, is_clear=lambda inputs: False).examples()


@pytest.mark.parametrize(
    ('gap', 'is_clear'), [(0.01, True), (1e-7, False), (0, True)], ids=str
)
def test_proposals_that_tie_but_for_noise_are_not_clear(model, gap, is_clear):
    def spaced(module, inputs, scores):
        steps = torch.full_like(scores, 0.01)
        steps[:, 5] = gap
        return 1 - steps.cumsum(1)

    graphs = {graph.name: graph for graph in graphs_of(model, [(64, 64)])}
    graph = graphs['instances_64x64']
    inputs = graph.draw(2, 3)
    hook = model.bbox_head.cls_branches[-1].register_forward_hook(spaced)
    try:
        assert graph.is_clear(inputs) is is_clear
    finally:
        hook.remove()
