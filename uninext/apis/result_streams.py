"""Results on their way to the user: with a bar, or gathered in a list."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

from uninext.apis.results import Result

T = TypeVar('T')
LARGE_LIST = 4e9  # bytes of results in a list, from which on a warning is due


def collected(results: Iterator[Result], count: int | None) -> list[Result]:
    """Results as a list, with a ``RuntimeWarning`` if they fill the memory.

    ``count`` tells how many there will be, if that is known.
    """
    gathered, held, is_told = [], 0, False
    for result in results:
        gathered.append(result)
        held += num_bytes(result)
        expected = held * max(1, (count or 0) / len(gathered))
        if expected > LARGE_LIST and not is_told:
            is_told = True
            warnings.warn(
                f'{len(gathered)} results hold {held / 1e9:.3g} GB, and all '
                f'{count or "that come"} will hold '
                f'{"about" if count else "more than"} {expected / 1e9:.3g} GB: images '
                'and masks. Pass stream=True and take the results one by one.',
                RuntimeWarning,
                stacklevel=3,
            )
    return gathered


def num_bytes(result: Result) -> int:
    """What a result holds in memory: its image and its masks."""
    return result.image.nbytes + (0 if result.masks is None else result.masks.nbytes)


def with_progress(
    results: Iterator[T], count: int | None, shown: bool | None
) -> Iterator[T]:
    """The same results, with a bar on stderr."""
    if shown is None:
        shown = sys.stderr.isatty()
    if not shown:
        yield from results
        return
    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        yield from bar.track(results, total=count, description='')
