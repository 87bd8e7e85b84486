from __future__ import annotations

import pytest
import torch

from uninext.testing.random_weights import (
    draw_state_dict,
    draw_tensor,
    read_key_table,
)

TABLE = """# key\tshape\tdtype\talias of
a.weight\t(3, 4)\tfloat32\t
b.weight\t(3, 4)\tfloat32\ta.weight
c.position_ids\t(1, 5)\tint64\t
d.count\t()\tint64\t
"""


@pytest.fixture
def table(tmp_path):
    path = tmp_path / 'table.tsv'
    path.write_text(TABLE)
    return path


def test_empty_table(tmp_path) -> None:
    path = tmp_path / 'empty.tsv'
    path.write_text('# nothing\n')
    with pytest.raises(ValueError, match='has no line'):
        read_key_table(path)
    with pytest.raises(ValueError, match='is not a file'):
        read_key_table(tmp_path / 'gone.tsv')


def test_state_dict_of_a_table(table) -> None:
    state = draw_state_dict(table)
    assert state['b.weight'] is state['a.weight']
    assert state['c.position_ids'].tolist() == [[0, 1, 2, 3, 4]]
    assert state['d.count'].shape == ()
    assert not torch.equal(state['a.weight'], draw_state_dict(table, 1)['a.weight'])


@pytest.mark.parametrize('line', ['a.weight', 'a\t(x)\tfloat32\t', 'a\t(1,)\tfloat3\t'])
def test_unreadable_lines(tmp_path, line) -> None:
    path = tmp_path / 'table.tsv'
    path.write_text(line + '\n')
    with pytest.raises(ValueError, match='line 1'):
        read_key_table(path)


def test_alias_of_nothing(tmp_path) -> None:
    path = tmp_path / 'table.tsv'
    path.write_text('a\t(1,)\tfloat32\tz\n')
    with pytest.raises(ValueError, match="unknown key 'z'"):
        read_key_table(path)


@pytest.mark.parametrize(
    ('key', 'shape', 'mean', 'std'),
    [
        ('x.running_mean', (10000,), 0.0, 0.05),
        ('x.norm1.weight', (10000,), 1.0, 0.1),
        ('x.norm1.bias', (10000,), 0.0, 0.05),
        ('detr.detr.input_proj.2.1.weight', (10000,), 1.0, 0.1),
        ('x.gamma_v', (10000,), 0.3, 0.05),
        ('x.sampling_offsets.bias', (10000,), 0.0, 1.5),
        ('x.linear.weight', (100, 100), 0.0, 0.07),
        ('x.embeddings.weight', (100, 100), 0.0, 0.05),
        ('x.iou_head.weight', (1, 10000), 0.0, 0.007),
    ],
)
def test_moments_of_the_rule(key, shape, mean, std) -> None:
    drawn = draw_tensor(key, shape)
    assert drawn.mean().item() == pytest.approx(mean, abs=4 * std / 100)
    assert drawn.std().item() == pytest.approx(std, rel=0.05)


def test_variances_are_at_least_one() -> None:
    assert draw_tensor('x.running_var', (100,)).min() >= 1
