"""What ``uninext predict`` will do: sources become jobs, and places for their results.

Nothing is read but the frame rates of videos.
"""

from __future__ import annotations

import glob
import os
import re
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain, groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from uninext.utils.image_files import IMAGE_SUFFIXES, list_images

if TYPE_CHECKING:
    from uninext.apis.exports import Origin

DEFAULT_SAVES = ('images', 'video', 'json')
DEFAULT_OUT = 'found'
OTHER_IMAGES = {'.gif', '.jfif', '.heic', '.heif', '.avif', '.jp2'}  # not read
NUM_NAMED = 6  # files that a line names
DEFAULT_FPS = 25.0  # of folders, cameras and addresses


class Job(NamedTuple):
    """Sources that go through the network together: for the inferencer, for files."""

    source: Any
    origin: Origin


def jobs_of(
    sources: Sequence[str], as_video: bool | None, fps: float | None = None
) -> list[Job]:
    """Tell what the sources are; images that follow each other become one job.

    Args:
        sources: Of the command line.
        as_video: Whether images are frames; None: folders are not, videos are.
        fps: Of the videos to write; None: the times of frames, or the source's rate.

    Raises:
        ValueError: If there is no such source; nothing is read yet.
    """
    jobs: list[Job] = []
    names: Counter[str] = Counter()
    for source, origin in _jobs_of(sources, as_video):
        rate, name = fps or origin.fps, origin.name
        names[name] += 1
        name += f'-{names[name]}' if names[name] > 1 else ''
        origin = replace(origin, name=name, fps=rate, keep_times=fps is None)
        jobs.append(Job(source, origin))
    return jobs


def _jobs_of(sources: Sequence[str], as_video: bool | None) -> Iterator[Job]:
    from uninext.apis.sources import open_source, videos_of

    opened = []
    for text in chain.from_iterable(videos_of(s, as_video) for s in sources):
        source = int(text) if text.isdigit() and not Path(text).exists() else text
        opened.append((text, source, open_source(source)))

    def is_image(one: tuple[str, Any, Any]) -> bool:
        """Images beside each other are one job, and so are files that are frames."""
        text, _, seen = one
        return not seen.is_video and (not as_video or Path(text).is_file())

    for are_images, group in groupby(opened, is_image):
        if are_images:
            texts, given, _ = zip(*group)
            yield _images_job(list(given), texts, bool(as_video))
            continue
        for text, source, seen in group:
            if seen.is_video:
                yield _video_job(text, source, as_video is not False, seen.fps)
            else:
                yield _images_job(source, [text], True)


def left_out(sources: Sequence[str]) -> list[str]:
    """What folders of images hold besides: other images, videos, folders of images."""
    from uninext.apis.sources import VIDEO_SUFFIXES

    lines = []
    for folder in filter(Path.is_dir, map(Path, filter(None, sources))):
        if not list_images(folder):
            continue
        odd = [
            f'{path.name}/' if path.is_dir() else path.name
            for path in sorted(folder.iterdir())
            if path.suffix.lower() in VIDEO_SUFFIXES | OTHER_IMAGES or list_images(path)
        ]
        if odd:
            names = ', '.join([*odd[:NUM_NAMED], *(['...'] if odd[NUM_NAMED:] else [])])
            known = ', '.join(sorted(IMAGE_SUFFIXES))
            lines.append(f'left out of {folder}: {names}; of folders {known} are read')
    return lines


def _images_job(source: Any, texts: Sequence[str], as_video: bool) -> Job:
    from uninext.apis.exports import Origin

    root = Path(os.path.commonpath([_root_of(text) for text in texts]))
    name = root.resolve().name or 'images'
    return Job(source, Origin(name, as_video, as_video, DEFAULT_FPS, root))


def _video_job(text: str, source: Any, is_tracked: bool, fps: float | None) -> Job:
    """A video, camera or address."""
    from uninext.apis.exports import Origin

    name = Path(text).stem
    if isinstance(source, int):
        name = f'camera-{source}'
    elif '://' in text:
        parts = urlsplit(text)  # without a password
        name = '-'.join(re.findall(r'[\w.-]+', f'{parts.hostname} {parts.path}'))
    return Job(source, Origin(name, True, is_tracked, fps or DEFAULT_FPS))


def _root_of(text: str) -> str:
    """The folder that an image, folder or pattern starts from."""
    path = Path(text)
    if path.is_dir():
        return str(path.absolute())
    if path.is_file():
        return str(path.parent.absolute())
    parts = path.parts[:-1]
    magic = [i for i, part in enumerate(parts) if glob.has_magic(part)]
    return str(Path(*parts[: magic[0] if magic else None]).absolute())


def saves_for(asked: Sequence[str] | None, jobs: Sequence[Job]) -> list[str]:
    """What is written of these sources: what suits, of what was asked for.

    Raises:
        ValueError: If something that was asked for suits none of the sources.
    """
    from uninext.apis.exports import EXPORTS

    saves = DEFAULT_SAVES if asked is None else asked
    suiting = [
        name for name in saves if any(EXPORTS[name].fits(job.origin) for job in jobs)
    ]
    absent = [name for name in saves if name not in suiting]
    if asked is not None and absent:
        first = jobs[0].origin
        are = 'frames that are not tracked' if first.is_video else 'images'
        raise ValueError(
            f'--save {absent[0]} needs {EXPORTS[absent[0]].needs}, and {first.name} '
            f'holds {are}. Leave {", ".join(absent)} out; or give videos, or '
            '--as-video to track through the images of a folder.'
        )
    return suiting


def output_folder(
    out: Path | None, overwrite: bool, sources: Sequence[str] = ()
) -> Path:
    """The folder to write to; nothing that is there is replaced by accident.

    Args:
        out: Of the command line; None: ``found``, ``found-2``, ..., the first free.
        overwrite: Whether files may be there.
        sources: Of the command line.

    Raises:
        ValueError: If it is no folder, holds something and may not, or is the folder of
            a source: results have the names of images.
    """
    number = 1
    path = out or Path(DEFAULT_OUT)
    while out is None and not overwrite and path.exists():
        number += 1
        path = Path(f'{DEFAULT_OUT}-{number}')
    if path.exists() and not path.is_dir():
        raise ValueError(f'--out {path} is a file. Give the name of a folder.')
    if path.is_dir() and not overwrite and (first := next(path.iterdir(), None)):
        raise ValueError(
            f'--out {path} is not empty ({first.name}, ...). Give a new folder, leave '
            '--out away, or add --overwrite to replace files of the same names.'
        )
    _check_writable(path)
    for text in sources:
        if '://' not in text and Path(_root_of(text)).resolve() == path.resolve():
            raise ValueError(
                f'--out {path} is the folder of {text}: annotated images would '
                'replace the images themselves. Give another folder.'
            )
    return path


def _check_writable(path: Path) -> None:
    """Before the network runs: the folder itself is made with its first file."""
    parent = next(p for p in (path, *path.absolute().parents) if p.exists())
    try:
        with tempfile.TemporaryFile(dir=parent):
            pass
    except OSError as error:
        raise ValueError(
            f'--out {path} cannot be written: {error.strerror} in {parent}. Give '
            'another folder.'
        ) from error


def label_root(jobs: Sequence[Job]) -> Path | None:
    """Folder of all images, from which file names of label sets start.

    None, the output folder, if frames must be written.
    """
    roots = [job.origin.root for job in jobs]
    return None if None in roots else Path(os.path.commonpath(roots))
