"""What ``uninext predict`` tells people: results and damage, counted."""

from __future__ import annotations

import contextlib
import sys
import warnings
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from uninext.apis import Result
    from uninext.apis.exports import OutputFolder
    from uninext.cli.predict_plan import Job

NUM_NAMED = 6  # files that the summary names
MOST_SHOWN = 60  # characters of a name or an expression
LABEL_FILES = {'coco_labels.json', 'ytvis_labels.json'}


class Tally:
    """What was found, counted for the summary.

    Attributes:
        numbers: Kind of source -> images or frames.
        found: Kind of source -> name -> instances, or tracks where there are any.
    """

    TRACKED = 'tracked through {} frames'
    KINDS = ('found in {} images', 'found in {} frames', TRACKED)

    def __init__(self) -> None:
        self.numbers: Counter[str] = Counter()
        self.found: dict[str, Counter[str]] = {kind: Counter() for kind in self.KINDS}
        self._absent: Counter[str] = Counter()
        self._tracks: set[tuple[str, int]] = set()
        self._seconds = self._finding = 0.0

    def add(self, job: Job, result: Result, finding: float, whole: float) -> None:
        """Count a result of a job, with seconds of finding it and of the whole."""
        origin = job.origin
        kind = self.KINDS[origin.is_video + origin.is_tracked]
        self.numbers[kind] += 1
        self._finding += finding
        self._seconds += whole
        self._absent.update(result.absent)
        for i, label in enumerate(result.labels):
            if result.track_ids is not None:
                track = (origin.name, int(result.track_ids[i]))
                if track[1] < 0 or track in self._tracks:
                    continue
                self._tracks.add(track)
            self.found[kind][label] += 1

    def lines(self) -> list[str]:
        """What was found and how long it took, for people."""
        lines = []
        for kind, number in self.numbers.items():
            found = self.found[kind].most_common()
            counts = [f'{n} x {_short(label)}' for label, n in found]
            what = kind.format(number) if number > 1 else kind.format(1)[:-1]
            lines.append(f'{what}: {", ".join(counts) or "nothing"}')
        number = sum(self.numbers.values())
        for text, times in self._absent.items():
            lines.append(f'not there in {times} of {number}: {_short(text)}')
        if number:
            lines.append(
                f'{self._seconds / number:.3f} s each, {self._finding / number:.3f} s '
                'of it reading and the network'
            )
        return lines


class Problems:
    """Warnings as lines on stderr; damaged images and videos are counted besides.

    Use it in a ``with`` block, and each job in one of :meth:`of_a_job`.

    Args:
        ends_with_job: Whether a job that cannot go on ends the run.
        is_strict: Whether a part that is missing ends it.

    Attributes:
        messages: What was said of each damage.
        num_skipped: Images that were left out.
    """

    def __init__(self, ends_with_job: bool, is_strict: bool) -> None:
        self.messages: list[str] = []
        self.num_skipped = 0
        self._ends_with_job, self._is_strict = ends_with_job, is_strict

    def __enter__(self) -> Problems:
        from uninext.apis import SkippedImageWarning, SourceWarning

        def show(message: Warning | str, category: type[Warning], *place: Any) -> None:
            if not issubclass(category, UserWarning):
                before(message, category, *place)
                return
            print(f'warning: {message}', file=sys.stderr)
            if issubclass(category, SourceWarning):
                self.messages.append(str(message))
                self.num_skipped += issubclass(category, SkippedImageWarning)

        self._caught = warnings.catch_warnings()  # brings back what was there
        self._caught.__enter__()
        before, warnings.showwarning = warnings.showwarning, show
        warnings.simplefilter('default', UserWarning)
        warnings.simplefilter('error' if self._is_strict else 'always', SourceWarning)
        return self

    def __exit__(self, *error: object) -> None:
        self._caught.__exit__(*error)

    @contextlib.contextmanager
    def of_a_job(self) -> Iterator[None]:
        """An error of a source inside ends the block; the run, if it is to."""
        from uninext.apis import SourceError, SourceWarning

        try:
            yield
        except SourceError as error:
            if self._ends_with_job:
                raise
            warnings.warn(str(error), SourceWarning, stacklevel=2)

    def lines(self) -> list[str]:
        """How many there were, for people."""
        damaged = len(self.messages) - self.num_skipped
        counts = (self.num_skipped, 'image', 'skipped'), (damaged, 'source', 'damaged')
        return [
            f'{number} {what}{"s" * (number > 1)} {how}: see above'
            for number, what, how in counts
            if number
        ]


def summary(
    tally: Tally, folder: OutputFolder, score_thr: float, interrupted: bool
) -> list[str]:
    """Lines for people: what was found, how long it took, where it is."""
    lines = ['stopped; what was found until then is kept'] if interrupted else []
    lines += tally.lines()
    if tally.numbers and not any(tally.found.values()):
        lines.append(f'nothing was found: try {_advice(tally, score_thr)}')
    written = folder.written
    if written:
        names = _named([path.relative_to(folder.path) for path in written])
        size = sum(path.stat().st_size for path in written) / 1e6
        lines.append(f'written to {folder.path}: {", ".join(names)} ({size:.1f} MB)')
    if any(path.name in LABEL_FILES for path in written):
        lines.append(f'file names in label sets start from {folder.label_root}')
    return lines


def _advice(tally: Tally, score_thr: float) -> str:
    advice = 'other categories'
    if score_thr > 0:
        advice += f', or a --score-thr below {score_thr:g}'
    if Tally.TRACKED in tally.numbers:
        advice += '; in videos, --init-score-thr below what the model says, 0.4'
    return advice


def _short(label: str) -> str:
    return label if len(label) <= MOST_SHOWN else f'{label[:MOST_SHOWN]}...'


def _named(paths: Sequence[Path]) -> list[str]:
    """Files by name, those of folders by number."""
    top = [path.name for path in paths if path.parent == Path()]
    below = Counter(path.parent.as_posix() for path in paths if path.parent != Path())
    more = [f'{len(top) - NUM_NAMED} more'] if len(top) > NUM_NAMED else []
    folders = [f'{name}/ ({number} files)' for name, number in below.items()]
    return [*top[:NUM_NAMED], *more, *folders]
