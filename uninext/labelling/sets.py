"""The sets of a journal: each image and video in its band, in one layout, and the page.

Sets are in the order of paths, so that they do not depend on where a run was killed.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from pathlib import Path

from uninext.apis.exports.video_tracks import VideoTracks
from uninext.formats.predicted import PredictedImage, PredictedInstance
from uninext.labelling.bands import BANDS, Bands
from uninext.labelling.frame_files import frame_file, write_frames
from uninext.labelling.journal import FoundImage, FoundVideo
from uninext.labelling.layouts import LAYOUTS, LabelSet, LabelVideo
from uninext.labelling.page import Card, page_of
from uninext.labelling.set_folder import SetFolder
from uninext.utils.files import replacing
from uninext.utils.image_files import list_images, natural_key

PAGE = 'review.html'
FRAMES = 'frames'
Found = FoundImage | FoundVideo


@dataclass
class Labelled:
    """What a run has done.

    Attributes:
        out: Folder of everything.
        root: Folder that file names in label files start from.
        written: Folders of sets: band -> folder, of bands that have something.
        units: Band -> images and videos.
        found: Band -> name of a category -> instances in images, tracks in videos.
        num_predicted: Units that were predicted now; the others were before.
        num_left: Units that are still to be predicted: a stop, or damage.
    """

    out: Path
    root: Path
    written: dict[str, Path] = field(default_factory=dict)
    units: Counter[str] = field(default_factory=Counter)
    found: dict[str, Counter[str]] = field(default_factory=dict)
    num_predicted: int = 0
    num_left: int = 0


class SetWriter:
    """Writes sets of what a journal holds.

    Args:
        out: Folder of everything.
        to: Name of the layout.
        names: Of all categories, in order.
        bands: Thresholds.
        boxes_only: Leave masks out.
    """

    def __init__(
        self, out: Path, to: str, names: Sequence[str], bands: Bands, boxes_only: bool
    ) -> None:
        self.out, self.to, self.layout = out.resolve(), to, LAYOUTS[to]
        self.names, self.bands, self.boxes_only = names, bands, boxes_only

    def check(self) -> None:
        """Raise ValueError if label files were corrected; nothing is written."""
        for band in BANDS:
            SetFolder(self.out / self.to / band)

    def write(self, units: Sequence[Found]) -> Labelled:
        """Write the sets of all bands, and the page.

        Raises:
            ValueError: If label files were corrected.
            FileError: If something cannot be written.
        """
        units = sorted(units, key=lambda unit: natural_key(unit.path))
        root = self._root(units)
        labelled = Labelled(self.out, root, found={band: Counter() for band in BANDS})
        sets = {band: ([], []) for band in BANDS}  # images, videos
        cards = []
        for unit in units:
            if isinstance(unit, FoundImage):
                band, *shown = self._image(unit, root, sets, labelled)
            else:
                band, *shown = self._video(unit, root, sets, labelled)
            labelled.units[band] += 1
            cards += shown
        for band, (images, videos) in sets.items():
            folder = SetFolder(self.out / self.to / band)
            if images or videos:
                self.layout.write(folder, LabelSet(self.names, images, videos, root))
                labelled.written[band] = folder.path
            folder.finish()
        page = page_of(cards, self.bands.accept, self.bands.review)
        with replacing(self.out / PAGE) as temporary:
            temporary.write_text(page, encoding='utf-8')
        return labelled

    def _root(self, units: Sequence[Found]) -> Path:
        """Folder that all files which labels name are in."""
        frames = str(self.out / FRAMES)
        roots = {frames if self._has_frames(unit) else unit.root for unit in units}
        return Path(os.path.commonpath(roots)) if roots else self.out

    def _has_frames(self, unit: Found) -> bool:
        """Whether files are written of its frames."""
        is_file = isinstance(unit, FoundVideo) and not Path(unit.path).is_dir()
        return is_file and self.layout.needs_frames

    def _image(
        self, unit: FoundImage, root: Path, sets: dict, labelled: Labelled
    ) -> tuple[str, Card]:
        image = self.bands.applied_to(unit.image)
        band = self.bands.of(i.score for i in image.instances)
        labelled.found[band].update(i.label for i in image.instances)
        name = _below(unit.path, root)
        sets[band][0].append(self._as_asked(replace(image, file_name=name)))
        sizes = image.width, image.height
        link = Path(os.path.relpath(unit.path, self.out)).as_posix()
        return band, Card(name, link, unit.thumbnail, sizes, band, image.instances)

    def _video(
        self, unit: FoundVideo, root: Path, sets: dict, labelled: Labelled
    ) -> tuple[str, ...]:
        tracks = self._kept(unit.tracks)
        kept = tracks.tracks
        band = self.bands.of(track.score for track in kept.values())
        labelled.found[band].update(track.label for track in kept.values())
        bands = {number: self.bands.of([track.score]) for number, track in kept.items()}
        images, videos = sets[band]
        files = self._frame_files(unit, root) if self.layout.needs_frames else ()
        file_name = _below(unit.path, root)
        if self.layout.takes_videos:
            video = unit.name, file_name, unit.fps, tracks, bands, files
            videos.append(LabelVideo(*video))
        else:
            images += list(_frames(tracks, bands, files))
        link = Path(os.path.relpath(unit.path, self.out)).as_posix()
        shown = []
        for frame, thumbnail in unit.thumbnails.items():
            image = _frame(tracks, bands, frame, '')
            title = f'{unit.name}, frame {frame}'
            sizes = image.width, image.height
            card = Card(title, link, thumbnail, sizes, band, image.instances)
            shown.append(card)
        return band, *shown

    def _kept(self, found: VideoTracks) -> VideoTracks:
        """Tracks that are not dropped, with or without masks."""
        kept = copy(found)
        kept.tracks = {}
        for number, track in found.tracks.items():
            if self.bands.keeps(track.score):
                seen = track.sightings
                if self.boxes_only:
                    seen = {f: one._replace(mask=None) for f, one in seen.items()}
                kept.tracks[number] = replace(track, sightings=seen)
        return kept

    def _as_asked(self, image: PredictedImage) -> PredictedImage:
        if not self.boxes_only:
            return image
        return replace(
            image, instances=tuple(i._replace(mask=None) for i in image.instances)
        )

    def _frame_files(self, unit: FoundVideo, root: Path) -> tuple[str, ...]:
        """File names of frames; those of a video file are written, once."""
        if Path(unit.path).is_dir():
            paths = [str(path) for path in list_images(unit.path)]
            return tuple(_below(path, root) for path in paths[: unit.tracks.num_frames])
        folder = self.out / FRAMES / unit.name
        paths = [frame_file(folder, i) for i in range(unit.tracks.num_frames)]
        if not all(path.is_file() for path in paths):
            write_frames(unit.path, folder)
        return tuple(_below(path, root) for path in paths)


def _below(path: str | Path, root: Path) -> str:
    return Path(os.path.relpath(path, root)).as_posix()


def _frames(
    tracks: VideoTracks, bands: dict[int, str], files: Sequence[str]
) -> Iterator[PredictedImage]:
    for frame, file_name in enumerate(files):
        yield _frame(tracks, bands, frame, file_name)


def _frame(
    tracks: VideoTracks, bands: dict[int, str], frame: int, file_name: str
) -> PredictedImage:
    """A frame of a video as an image; its instances have the bands of their tracks."""
    instances = [
        PredictedInstance(
            track.label, seen.box_xywh, seen.score, seen.mask, number, bands[number]
        )
        for number, track in sorted(tracks.tracks.items())
        if (seen := track.sightings.get(frame))
    ]
    return PredictedImage(file_name, *tracks.size_hw, tuple(instances))
