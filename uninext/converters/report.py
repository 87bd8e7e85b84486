"""What a conversion wrote and left out, and a progress bar."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeVar

from tqdm import tqdm

from uninext.formats.errors import DatasetError

T = TypeVar('T')


@dataclass
class ConversionReport:
    """What a conversion left out; subclasses count what it wrote.

    Attributes:
        skipped: Reason -> count of what was left out.
        examples: Reason -> the first thing that was skipped for it.
        strict: Whether leaving out is an error where the download is at fault.
    """

    skipped: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)
    strict: bool = False

    def skip(
        self, reason: str, example: object, count: int = 1, fault: bool = True
    ) -> None:
        """Count what is left out.

        Args:
            reason: What it is, in the singular.
            example: Which one.
            count: How many of them; 0 does nothing.
            fault: Whether the download is at fault: it lacks something or
                contradicts itself. Otherwise it is complete, but of no use.

        Raises:
            DatasetError: If ``strict`` and at fault.
        """
        if not count:
            return
        if self.strict and fault:
            raise DatasetError(
                f'{reason}: {example}. Complete the download, or convert without '
                '--strict to leave it out.'
            )
        self.skipped[reason] += count
        self.examples.setdefault(reason, str(example))

    def found(self) -> list[str]:
        """Lines that say what was written."""
        raise NotImplementedError

    def summary(self, title: object) -> str:
        """A few lines for people: what was written, what was left out and why."""
        first, *more = self.found()
        skipped = [
            f'  skipped {n}: {why} (first: {self.examples[why]})'
            for why, n in sorted(self.skipped.items())
        ]
        return '\n'.join([f'{title}: {first}', *more, *skipped])


def progress_bar(records: Iterable[T], unit: str, progress: bool = True) -> Iterable[T]:
    """Iterate with a progress bar, in a terminal only; ``unit`` is in the plural."""
    return tqdm(records, unit=f' {unit}', disable=None if progress else True)
