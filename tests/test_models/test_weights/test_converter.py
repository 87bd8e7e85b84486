from __future__ import annotations

from collections import OrderedDict

import pytest
import torch

from uninext.models.weights import from_published, to_published
from uninext.models.weights.key_table import (
    IMAGE_RULES,
    PROPOSAL_CLASSIFIER,
    VIDEO_RULES,
    compile_template,
    detect_stage,
)
from uninext.testing.drawn_weights import draw_state_dict, read_key_table

DECODER = 'detr.detr.transformer.decoder'


def small_published() -> OrderedDict:
    """A few keys of every kind, with tensors that tell them apart."""
    names = [
        'detr.detr.backbone.0.backbone.stem.conv1.weight',
        'detr.detr.backbone.0.backbone.stem.conv1.norm.running_var',
        'detr.detr.backbone.0.backbone.res3.0.shortcut.norm.bias',
        'detr.detr.input_proj.3.1.weight',
        'text_encoder.body.model.encoder.layer.0.output.dense.bias',
        f'{DECODER}.layers.1.norm2.bias',
        f'{DECODER}.layers.1.norm1.bias',
        f'{DECODER}.class_embed.5.bias0',
        f'{DECODER}.class_embed.6.body.weight',
        f'{DECODER}.class_embed.6.body.bias',
        f'{DECODER}.bbox_embed.6.layers.2.weight',
        'detr.resizer.fc.weight',
        'criterion._iter',
    ]
    state = OrderedDict((n, torch.full((2,), float(i))) for i, n in enumerate(names))
    for name in names:
        if '_embed.' in name:
            state[name.replace('.transformer.decoder', '')] = state[name]
    return state


def shapes_as_meta(path) -> OrderedDict:
    """The state dict of a key table without memory."""
    state = OrderedDict()
    for r in read_key_table(path):
        state[r.key] = (
            state[r.alias] if r.alias else torch.empty(r.shape, device='meta')
        )
    return state


@pytest.mark.parametrize('convert', [from_published, to_published])
def test_empty_state_dict(convert) -> None:
    with pytest.raises(ValueError, match='empty'):
        convert({})


def test_placeholders() -> None:
    pattern = compile_template('a.{i}.{p}')
    assert pattern.fullmatch('a.12.bias')['i'] == '12'
    assert not pattern.fullmatch('a.x.bias')
    assert not pattern.fullmatch('aX1.bias')


def test_known_pairs() -> None:
    ours, report = from_published(small_published())
    pairs = {new: old for old, new in report.mapped}
    assert pairs['backbone.layer2.0.downsample.1.bias'].endswith('shortcut.norm.bias')
    assert pairs['neck.extra_convs.0.gn.weight'] == 'detr.detr.input_proj.3.1.weight'
    assert pairs['decoder.layers.1.norms.0.bias'].endswith('norm2.bias')
    assert pairs['decoder.layers.1.norms.1.bias'].endswith('norm1.bias')
    assert pairs['bbox_head.reg_branches.6.4.weight'].endswith('layers.2.weight')
    assert pairs['bbox_head.cls_branches.5.bias'].endswith('bias0')
    assert pairs['bbox_head.cls_branches.6.bias'].endswith('body.bias')
    assert ours['backbone.bn1.num_batches_tracked'].item() == 0
    assert len(report.aliases) == 4


def test_round_trip_keeps_every_tensor() -> None:
    published = small_published()
    back, report = to_published(from_published(published)[0])
    added = {key for key, _ in report.added}
    assert added == {'detr.detr.transformer.resizer.fc.weight'}
    assert set(back) - added == set(published)
    for key, value in published.items():
        assert back[key] is value


def test_rules_are_unambiguous() -> None:
    """No key of an example of one rule is read by another, in either direction."""
    fill = dict(i='0', j='0', k='0', p='weight', bn='running_mean', rest='x')
    # on our side the two kinds of classifier share ``cls_branches.{i}.bias``
    shared = [*IMAGE_RULES, *VIDEO_RULES]
    sides = {'published': [*shared, PROPOSAL_CLASSIFIER], 'ours': shared}
    for side, rules in sides.items():
        examples = [getattr(rule, side).format(**fill) for rule in rules]
        for example in examples:
            hits = [
                r
                for r in rules
                if r.translate(example, getattr(r, side), r.published) is not None
            ]
            assert len(hits) == 1, (example, hits)


def test_unknown_keys_are_listed() -> None:
    state = small_published()
    state['detr.detr.brand_new.weight'] = torch.zeros(1)
    with pytest.raises(ValueError, match=r'1 keys have no place.*\n.*brand_new'):
        from_published(state)
    ours = from_published(small_published())[0]
    ours['brand_new.weight'] = torch.zeros(1)
    with pytest.raises(ValueError, match='brand_new'):
        to_published(ours)


def test_wrong_direction() -> None:
    with pytest.raises(ValueError, match='other direction'):
        to_published(small_published())
    with pytest.raises(ValueError, match='other direction'):
        from_published({'bbox_head.x': torch.zeros(1)})


def test_aliases_that_differ() -> None:
    state = small_published()
    state['detr.detr.class_embed.5.bias0'] = torch.ones(2) * 99
    with pytest.raises(ValueError, match='one tensor.*differ'):
        from_published(state)


def test_dead_and_constant_keys_are_dropped_with_reason() -> None:
    state = small_published()
    dead = 'detr.detr.transformer.resizer.fc.weight'
    ids = 'text_encoder.body.model.embeddings.position_ids'
    state[dead], state[ids] = torch.ones(1), torch.arange(4)
    ours, report = from_published(state)
    assert [key for key, _ in report.dropped] == [dead, ids]
    assert 'no effect' in '\n'.join(report.lines())
    assert '2 dropped' in report.summary()
    assert not any('position_ids' in key for key in ours)


def small_video() -> OrderedDict:
    """What stage 3 adds, a few keys of every kind."""
    names = [
        'detr.detr.ref_backbone.0.backbone.stem.conv1.weight',
        'detr.detr.ref_backbone.0.backbone.res2.0.conv1.norm.running_var',
        'detr.sot_fuser.refine.3.bias',
        'detr.adjust_layer.weight',
        'detr.reid_embed_head.0.layers.1.norm2.weight',
        'detr.reid_embed_head.0.layers.1.norm1.weight',
        'detr.reid_embed_head.0.layers.0.self_attn.in_proj_weight',
        'detr.reid_embed_head.0.ref_point_head.layers.0.weight',
        'detr.reid_embed_head.1.layers.2.bias',
    ]
    return OrderedDict((n, torch.full((2,), 50.0 + i)) for i, n in enumerate(names))


def test_known_pairs_of_stage_three() -> None:
    ours, report = from_published(small_video())
    assert report.stage == 'video'
    assert list(ours) == [
        'visual_prompt_generator.backbone.conv1.weight',
        'visual_prompt_generator.backbone.layer1.0.bn1.running_var',
        'visual_prompt_generator.fuser.3.bias',
        'visual_prompt_generator.adapter.weight',
        'embed_head.layers.1.norms.0.weight',
        'embed_head.layers.1.norms.1.weight',
        'embed_head.layers.0.self_attn.attn.in_proj_weight',
        'embed_head.ref_point_head.layers.0.weight',
        'embed_head.mlp.layers.2.bias',
        'visual_prompt_generator.backbone.layer1.0.bn1.num_batches_tracked',
    ]
    back, report = to_published(ours)
    assert report.stage == 'video'
    assert [key for key, _ in report.dropped] == [list(ours)[-1]]
    assert all(torch.equal(back[k], v) for k, v in small_video().items())
    assert set(back) == set(small_video())


def test_stage_three_can_be_reduced_to_images() -> None:
    state = small_published()
    assert detect_stage(state) == 'image'
    state.update(small_video())
    assert detect_stage(state) == 'video'
    ours, report = from_published(state, drop_video=True)
    assert ours.keys() == from_published(small_published())[0].keys()
    assert [key for key, _ in report.dropped] == list(small_video())
    assert ('detr.adjust_layer.weight', 'visual prompt projection') in report.dropped


@pytest.mark.parametrize(('stage', 'count'), [(1, 919), (2, 919), (3, 1248)])
def test_published_tables_leave_no_key(shared_dir, stage, count) -> None:
    table = shared_dir / 'parity' / f'official_r50_stage{stage}.tsv'
    published = shapes_as_meta(table)
    ours, report = from_published(published)
    assert len(report.mapped) + len(report.aliases) + len(report.dropped) == count
    back, _ = to_published(ours)
    assert set(back) == set(published)
    assert all(back[k].shape == v.shape for k, v in published.items())


@pytest.mark.slow
def test_round_trip_of_drawn_weights_is_bit_equal(shared_dir) -> None:
    table = shared_dir / 'parity' / 'official_r50_stage3.tsv'
    published = draw_state_dict(table)
    back, report = to_published(from_published(published)[0])
    added = {key for key, _ in report.added}
    assert set(back) == set(published)
    assert all(torch.equal(back[k], v) for k, v in published.items() if k not in added)
