"""Batches of one size: in order, few waiting, errors last."""

from __future__ import annotations

import random

import pytest

from uninext.apis.equal_batches import MAX_WAITING, run_in_equal_batches


class Machine:
    """Doubles numbers, whose size is their last digit; writes down its batches."""

    def __init__(self):
        self.batches: list[list[int]] = []

    def __call__(self, batch: list[int]) -> list[int]:
        self.batches.append(list(batch))
        return [2 * item for item in batch]


def size(item: int) -> int:
    return item % 10


def test_nothing_enters():
    machine = Machine()
    assert list(run_in_equal_batches([], size, machine, 3)) == []
    assert machine.batches == []


@pytest.mark.parametrize('batch_size', [1, 2, 3, 8])
@pytest.mark.parametrize('sizes', [1, 2, 5])
def test_all_come_back_in_order_and_batches_are_of_one_size(batch_size, sizes):
    draw = random.Random(batch_size)
    items = [10 * i + draw.randrange(sizes) for i in range(50)]
    machine = Machine()
    results = list(run_in_equal_batches(items, size, machine, batch_size))
    assert results == [(item, 2 * item) for item in items]
    assert sorted(sum(machine.batches, [])) == items
    for batch in machine.batches:
        assert len(batch) <= batch_size
        assert len({size(item) for item in batch}) == 1


def test_equal_sizes_fill_every_batch():
    machine = Machine()
    list(run_in_equal_batches(range(0, 70, 10), size, machine, 3))
    assert machine.batches == [[0, 10, 20], [30, 40, 50], [60]]


def test_a_single_item_waits_for_nobody():
    read = []

    def items():
        for item in (0, 11, 20):
            read.append(item)
            yield item

    results = run_in_equal_batches(items(), size, Machine(), 1)
    assert read == []
    assert next(results) == (0, 0)
    assert read == [0]


def test_few_are_held_however_rare_the_first_size_is():
    read = []

    def items():
        yield 1  # the only one of its size
        for i in range(1, 1000):
            read.append(i)
            yield 10 * i

    results = run_in_equal_batches(items(), size, Machine(), 2)
    assert next(results) == (1, 2)
    assert len(read) < MAX_WAITING * 2
    for _ in range(100):
        next(results)
    assert len(read) <= 100 + MAX_WAITING * 2


def test_what_was_read_before_an_error_is_answered_before_it():
    def items():
        yield from (0, 1, 10)
        raise ValueError('damaged')

    results = run_in_equal_batches(items(), size, Machine(), 8)
    assert [next(results) for _ in range(3)] == [(0, 0), (1, 2), (10, 20)]
    with pytest.raises(ValueError, match='damaged'):
        next(results)
