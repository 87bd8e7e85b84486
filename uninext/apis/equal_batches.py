"""Batches of images of one size; results come in the order of the images.

Padding changes what is found in a smaller image of a batch, scores by 0.05 on average
(docs/inference.md), so an image never shares a batch with one of another size.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar('T')
R = TypeVar('R')
MAX_WAITING = 4  # batches of items that are held at most, until their turn comes


@dataclass
class _Slot:
    """An item, and its result once there is one."""

    item: Any
    key: Hashable
    result: Any = None
    is_done: bool = False


def run_in_equal_batches(
    items: Iterable[T],
    key: Callable[[T], Hashable],
    call: Callable[[list[T]], Sequence[R]],
    batch_size: int,
) -> Iterator[tuple[T, R]]:
    """Call a function on batches of items that have one key.

    A batch is run when it is full, when ``MAX_WAITING * batch_size`` items wait, and at
    the end; it is then as large as it happens to be.

    Args:
        items: Read one by one; no more than ``MAX_WAITING * batch_size`` are held.
        key: What the items of a batch have in common.
        call: Gets the items of a batch, gives a result for each.
        batch_size: At most.

    Yields:
        Items and their results, in the order of the items. If reading an item raises,
        the error is raised after the results of all items before it.
    """
    iterator, error = iter(items), None
    waiting: deque[_Slot] = deque()
    batches: dict[Hashable, list[_Slot]] = {}

    def run(batch: list[_Slot]) -> None:
        del batches[batch[0].key]
        for slot, result in zip(batch, call([slot.item for slot in batch])):
            slot.result, slot.is_done = result, True

    while True:
        try:
            item = next(iterator)
        except StopIteration:
            break
        except Exception as caught:  # raised below, when what came before is answered
            error = caught
            break
        slot = _Slot(item, key(item))
        waiting.append(slot)
        batch = batches.setdefault(slot.key, [])
        batch.append(slot)
        if len(batch) == batch_size:
            run(batch)
        elif len(waiting) == MAX_WAITING * batch_size and not waiting[0].is_done:
            run(batches[waiting[0].key])
        while waiting and waiting[0].is_done:
            done = waiting.popleft()
            yield done.item, done.result
    while waiting:
        done = waiting.popleft()
        if not done.is_done:
            run(batches[done.key])
        yield done.item, done.result
    if error is not None:
        raise error
