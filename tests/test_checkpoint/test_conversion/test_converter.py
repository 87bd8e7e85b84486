from __future__ import annotations

from collections import OrderedDict

import pytest
import torch

from uninext.checkpoint.conversion import from_published, to_published
from uninext.checkpoint.conversion.key_rule import translate
from uninext.checkpoint.conversion.key_table import (
    IMAGE_RULES,
    PROPOSAL_CLASSIFIER,
    VIDEO_RULES,
    detect_stage,
)
from uninext.testing.random_weights import read_key_table

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


@pytest.mark.parametrize('convert', [from_published, to_published])
def test_empty_state_dict(convert) -> None:
    with pytest.raises(ValueError, match='empty'):
        convert({})


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
    fill = dict(i='0', j='0', p='weight', bn='running_mean', axis='h', rest='x')
    # on our side the two kinds of classifier share ``cls_branches.{i}.bias``
    shared = [*IMAGE_RULES, *VIDEO_RULES]
    sides = {'published': [*shared, PROPOSAL_CLASSIFIER], 'ours': shared}
    for side, rules in sides.items():
        examples = [getattr(rule, side).format(**fill) for rule in rules]
        for example in examples:
            hits = [
                r for r in rules if translate(example, getattr(r, side), r.published)
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


def test_stage_three_can_be_reduced_to_images() -> None:
    state = small_published()
    assert detect_stage(state) == 'image'
    state.update(small_video())
    assert detect_stage(state) == 'video'
    ours, report = from_published(state, drop_video=True)
    assert ours.keys() == from_published(small_published())[0].keys()
    assert [key for key, _ in report.dropped] == list(small_video())
    assert ('detr.adjust_layer.weight', 'visual prompt projection') in report.dropped


def numbered(path) -> OrderedDict:
    """The state dict of a key table, each tensor its own number, without memory."""
    state = OrderedDict()
    for n, r in enumerate(read_key_table(path)):
        number = torch.tensor(float(n)).expand(r.shape)
        state[r.key] = state[r.alias] if r.alias else number
    return state


def number_of(value: torch.Tensor) -> float:
    return value[(0,) * value.dim()].item()


@pytest.mark.parametrize(
    ('name', 'count'),
    [
        ('r50_stage1', 919),
        ('r50_stage2', 919),
        ('r50_stage3', 1248),
        ('convnext-l_stage3', 1410),
        ('vit-h_stage3', 1624),
    ],
)
def test_published_tables_leave_no_key(parity_dir, name, count) -> None:
    published = numbered(parity_dir / f'official_{name}.tsv')
    ours, report = from_published(published)
    assert len(report.mapped) + len(report.aliases) + len(report.dropped) == count
    assert not any(v.dim() == 2 and len(v) == 1 for k, v in ours.items() if 'norm' in k)
    back, report = to_published(ours)
    assert set(back) == set(published)
    added = {key for key, _ in report.added}  # dead: zeros
    for key, value in published.items():
        assert back[key].shape == value.shape
        assert key in added or number_of(back[key]) == number_of(value), key
    again, _ = from_published(back)
    assert again.keys() == ours.keys()
    assert all(number_of(again[k]) == number_of(v) for k, v in ours.items())


def test_row_of_another_shape() -> None:
    key = 'detr.detr.backbone.0.backbone.norm1.weight.weight'
    with pytest.raises(ValueError, match=r'norm1.*expected a row.*\(3,\)'):
        from_published({key: torch.ones(3)})
