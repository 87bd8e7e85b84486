"""Label images and videos: predict what is not in the journal, then write the files.

Every unit is in the journal as soon as it is predicted, and the label files are made of
the journal alone: whatever was interrupted, the same call goes on, and other thresholds
or layouts need no network.
"""

from __future__ import annotations

import contextlib
import hashlib
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from uninext.apis.exports.label_sets import predicted_image
from uninext.apis.exports.video_tracks import VideoTracks
from uninext.apis.images import SourceError, SourceWarning
from uninext.apis.results import Result
from uninext.apis.video import read_header
from uninext.labelling.bands import Bands, asked_kinds
from uninext.labelling.journal import FoundImage, FoundVideo, Journal
from uninext.labelling.layouts import LAYOUTS
from uninext.labelling.page import write_thumbnail
from uninext.labelling.sets import Labelled, SetWriter
from uninext.labelling.units import Unit, units_of

DEFAULT_FPS = 25.0  # of folders, and of files that do not tell
THUMBNAILS = 'thumbnails'
MOST_THUMBNAILS = 12  # of a video


def label(
    find: Callable[..., Iterator[Result]],
    sources: str | Path | Sequence[str | Path],
    out: str | Path,
    to: str = 'coco',
    *,
    categories: Sequence[str] | None = None,
    expression: Sequence[str] | None = None,
    exclude: Sequence[str] | None = None,
    exclude_expression: Sequence[str] | None = None,
    bands: Bands | None = None,
    boxes_only: bool = False,
    model: str = '',
    as_video: bool = False,
    batch_size: int = 1,
    stopped: Callable[[], bool] = lambda: False,
    progress: bool | None = None,
) -> Labelled:
    """Label images and videos; go on where a run before was interrupted.

    Args:
        find: An inferencer; called if there is something to predict.
        sources: See :func:`uninext.labelling.units.units_of`.
        out: Folder of the journal, the review page, and ``TO/accept``, ``TO/review``.
        to: Name of a layout, of ``uninext.labelling.LAYOUTS``.
        categories: Names; with the next, the categories of the label files.
        expression: Expressions about one object each.
        exclude: Names of what must not be returned.
        exclude_expression: The same by expressions.
        bands: Thresholds; None: those of :meth:`Bands.of_model`, by ``find.thresholds``
            if it has any.
        boxes_only: Leave masks out of the files.
        model: What tells this model from others: a run cannot go on with another.
        as_video: Whether folders of images are videos.
        batch_size: Images that go through the network together.
        stopped: Asked after each image and frame; True ends the run in peace.
        progress: Show bars; None: where there is a terminal.

    Raises:
        ValueError: If something cannot be used, does not go with what is in ``out``, or
            label files there were corrected; it says what to do.
        FileError: If something cannot be written; what was predicted is kept.

    Example:
        >>> find = UninextInferencer()                              # doctest: +SKIP
        >>> label(find, 'photos', 'labels', 'yolo', categories=['dog'])
        ... # doctest: +SKIP
    """
    if to not in LAYOUTS:
        names = ', '.join(LAYOUTS)
        raise ValueError(f'There is no layout {to!r}; choose from {names}.')
    layout, out = LAYOUTS[to], Path(out)
    sources = [sources] if isinstance(sources, (str, Path)) else list(sources)
    units = units_of(sources, as_video)
    if images := [u for u in units if not u.is_video and not layout.takes_images]:
        raise ValueError(
            f'{to} holds tracks through videos, and {images[0].path} is an image. Give '
            'videos, or --as-video to track through the images of a folder.'
        )
    prompts = dict(
        categories=categories,
        expression=expression,
        exclude=exclude,
        exclude_expression=exclude_expression,
    )
    if bands is None:
        stored = getattr(find, 'thresholds', {})
        bands = Bands.of_model(stored, asked_kinds(categories, expression))
    asked = {k: list(v) if v is not None else None for k, v in prompts.items()}
    with Journal(out, dict(asked, model=model), bands.review) as journal:
        names = list(dict.fromkeys([*(categories or ()), *(expression or ())]))
        writer = SetWriter(out, to, names, bands, boxes_only)
        writer.check()
        todo = [unit for unit in units if str(unit.path) not in journal.units]
        given = dict(prompts, progress=progress)
        run = _Run(find, given, journal, out, stopped)
        error = None
        try:
            run.images([u for u in todo if not u.is_video], batch_size)
            run.videos([u for u in todo if u.is_video])
        except Exception as caught:
            error = caught  # what was predicted until then is written
        labelled = writer.write(list(journal.units.values()))
        if error is not None:
            raise error
        labelled.num_predicted = run.num_done
        labelled.num_left = len(todo) - run.num_done
        return labelled


class _Run:
    """Predicts units, and notes each in the journal."""

    def __init__(
        self,
        find: Callable[..., Iterator[Result]],
        given: Mapping[str, Any],
        journal: Journal,
        out: Path,
        stopped: Callable[[], bool],
    ) -> None:
        self.find, self.given, self.journal = find, given, journal
        self.out, self.stopped, self.num_done = out, stopped, 0

    def images(self, units: Sequence[Unit], batch_size: int) -> None:
        """Predict images; those that are damaged are left out with a warning."""
        if not units or self.stopped():
            return
        roots = {str(unit.path): str(unit.root) for unit in units}
        floor = self.journal.floor
        with self._results(
            list(roots),
            batch_size=batch_size,
            as_video=False,
            score_thr=dict(category=floor, expression=floor),
        ) as results:
            for result in results:
                path = str(result.path)
                thumbnail = self._thumbnail(result, path)
                image = predicted_image(result, '')
                self._add(FoundImage(path, roots[path], image, thumbnail))
                if self.stopped():
                    return

    def videos(self, units: Sequence[Unit]) -> None:
        """Track through videos, one after the other; one that is damaged is told."""
        for unit in units:
            if self.stopped():
                return
            try:
                self._video(unit)
            except SourceError as error:
                warnings.warn(f'skipped: {error}', SourceWarning, stacklevel=2)

    def _video(self, unit: Unit) -> None:
        # A track may be less sure in some frames, and has its score from all of them.
        thresholds = dict(category=0.0, expression=self.journal.floor)
        source, tracks, thumbnails = str(unit.path), VideoTracks(), {}
        with self._results(source, as_video=True, score_thr=thresholds) as results:
            for result in results:
                known = len(tracks.tracks)
                tracks.add(result)
                frame, is_new = tracks.num_frames - 1, len(tracks.tracks) > known
                if (is_new or not frame) and len(thumbnails) < MOST_THUMBNAILS:
                    thumbnails[frame] = self._thumbnail(result, source, frame)
                if self.stopped():
                    return  # nothing of it is kept: it begins anew
        floor = self.journal.floor
        kept = {n: t for n, t in tracks.tracks.items() if t.score >= floor}
        tracks.tracks = kept
        fps = DEFAULT_FPS if unit.frames else read_header(unit.path).fps
        common = source, str(unit.root), self._name(unit.path.stem)
        self._add(FoundVideo(*common, fps or DEFAULT_FPS, tracks, thumbnails))

    @contextlib.contextmanager
    def _results(self, source: Any, **more: Any) -> Iterator[Iterator[Result]]:
        given = dict(self.given, on_error='skip', stream=True)
        with contextlib.closing(self.find(source, **given, **more)) as results:
            yield results

    def _add(self, unit: FoundImage | FoundVideo) -> None:
        self.journal.add(unit)
        self.num_done += 1

    def _thumbnail(self, result: Result, path: str, frame: int | None = None) -> str:
        """Write a thumbnail under a name that the path gives: none is there twice."""
        digest = hashlib.sha256(path.encode()).hexdigest()[:16]
        number = '' if frame is None else f'-{frame:06d}'
        name = f'{THUMBNAILS}/{digest[:2]}/{digest[2:]}{number}.jpg'
        write_thumbnail(result.image, self.out / name)
        return name

    def _name(self, stem: str) -> str:
        """A name that no other video has."""
        found = self.journal.units.values()
        taken = {unit.name for unit in found if isinstance(unit, FoundVideo)}
        name, number = stem, 1
        while name in taken:
            number += 1
            name = f'{stem}-{number}'
        return name
