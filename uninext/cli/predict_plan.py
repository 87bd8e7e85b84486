"""What ``uninext predict`` will do: sources become jobs, and places for their results.

Nothing is read but the frame rates of videos.
"""

from __future__ import annotations

import glob
import os
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from uninext.apis.exports import Origin

DEFAULT_SAVES = ('images', 'video', 'json')
DEFAULT_OUT = 'found'
DEFAULT_FPS = 25.0  # of folders, cameras and addresses
MAX_FPS = 1000


@dataclass
class Job:
    """Sources that go through the network together.

    Attributes:
        source: What the inferencer gets.
        name: What the files of a video are called.
        is_video: Whether its images are frames.
        is_tracked: Whether they are tracked.
        fps: Of the source, if it says so.
        root: Folder that its images lie in; None if it has no files of images.
    """

    source: Any
    name: str
    is_video: bool
    is_tracked: bool
    fps: float | None = None
    root: Path | None = None


def jobs_of(sources: Sequence[str], as_video: bool | None) -> list[Job]:
    """Tell what the sources are; images that follow each other become one job.

    Args:
        sources: Of the command line.
        as_video: Whether images are frames; None: folders are not, videos are.

    Raises:
        ValueError: If there is no such source; nothing is read yet.
    """
    from uninext.apis.sources import open_source

    jobs: list[Job] = []
    kinds = [(text, *_opened(text, open_source)) for text in sources]
    for key, group in groupby(kinds, lambda kind: _together(*kind, bool(as_video))):
        members = list(group)
        if key is None:
            for text, source, opened in members:
                is_tracked = as_video is not False if opened.is_video else True
                jobs.append(_video_job(text, source, opened, is_tracked))
            continue
        root = Path(os.path.commonpath([_root_of(text) for text, *_ in members]))
        name = root.resolve().name or 'images'
        source = [source for _, source, _ in members]
        jobs.append(Job(source, name, key == 'frames', key == 'frames', root=root))
    names: Counter = Counter()
    for job in jobs:
        names[job.name] += 1
        if names[job.name] > 1:
            job.name = f'{job.name}-{names[job.name]}'
    return jobs


def _opened(text: str, open_source: Any) -> tuple[Any, Any]:
    """What the inferencer gets, and what it is."""
    source = int(text) if text.isdigit() and not Path(text).exists() else text
    return source, open_source(source)


def _together(text: str, source: Any, opened: Any, as_video: bool) -> str | None:
    """Of sources beside each other those with one key are one job; None: by itself."""
    if opened.is_video or (as_video and not Path(text).is_file()):
        return None
    return 'frames' if as_video else 'images'


def _video_job(text: str, source: Any, opened: Any, is_tracked: bool) -> Job:
    """A video, camera or address, or a folder or pattern taken as one."""
    if not opened.is_video:
        root = Path(_root_of(text))
        return Job(source, root.resolve().name, True, True, root=root)
    if isinstance(source, int):
        return Job(source, f'camera-{source}', True, is_tracked)
    if '://' in text:
        from urllib.parse import urlsplit

        parts = urlsplit(text)  # without a password
        words = re.findall(r'[\w.-]+', f'{parts.hostname} {parts.path}')
        return Job(source, '-'.join(words), True, is_tracked)
    return Job(source, Path(text).stem, True, is_tracked, fps=opened.fps)


def _root_of(text: str) -> str:
    """The folder that an image, folder or pattern starts from."""
    path = Path(text)
    if path.is_dir():
        return str(path.absolute())
    if path.is_file():
        return str(path.parent.absolute())
    plain = []
    for part in path.parts[:-1]:
        if glob.has_magic(part):
            break
        plain.append(part)
    return str(Path(*plain).absolute())


def origin_of(job: Job, fps: float | None) -> Origin:
    """What files need to know of a source.

    Args:
        job: The source.
        fps: Of the command line; None: the times of the frames, or the source's.
    """
    from uninext.apis.exports import Origin

    rate = fps or job.fps or DEFAULT_FPS
    return Origin(
        job.name, job.is_video, job.is_tracked, rate, job.root, keep_times=fps is None
    )


def saves_for(
    asked: Sequence[str] | None, jobs: Sequence[Job], fps: float | None = None
) -> list[str]:
    """What is written of these sources.

    Args:
        asked: Of the command line; None: what suits.
        jobs: The sources.
        fps: Of the command line.

    Raises:
        ValueError: If something that was asked for suits none of the sources.
    """
    from uninext.apis.exports import EXPORTS

    origins = [origin_of(job, fps) for job in jobs]
    saves = DEFAULT_SAVES if asked is None else asked
    suiting = [name for name in saves if any(map(EXPORTS[name].fits, origins))]
    absent = [name for name in saves if name not in suiting]
    if asked is not None and absent:
        are = 'frames that are not tracked' if jobs[0].is_video else 'images'
        raise ValueError(
            f'--save {absent[0]} needs {EXPORTS[absent[0]].needs}, and {jobs[0].name} '
            f'holds {are}. Leave {", ".join(absent)} out; or give videos, or '
            '--as-video to track through the images of a folder.'
        )
    return suiting


def output_folder(out: Path | None, overwrite: bool) -> Path:
    """The folder to write to; nothing that is there is replaced by accident.

    Args:
        out: Of the command line; None: ``found``, ``found-2``, ..., the first free.
        overwrite: Whether files may be there.

    Raises:
        ValueError: If it is no folder, or holds something and may not.
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
    return path


def check_inputs_stay(out: Path, sources: Sequence[str]) -> None:
    """Refuse to write where the sources lie: results have the names of images.

    Raises:
        ValueError: If ``out`` is the folder of a source.
    """
    for text in sources:
        if '://' not in text and Path(_root_of(text)).resolve() == out.resolve():
            raise ValueError(
                f'--out {out} is the folder of {text}: annotated images would '
                'replace the images themselves. Give another folder.'
            )


def label_root(jobs: Sequence[Job]) -> Path | None:
    """Folder that file names of label sets start from.

    Args:
        jobs: The sources.

    Returns:
        That of all images; None, the output folder, if frames must be written.
    """
    roots = [job.root for job in jobs]
    return None if None in roots else Path(os.path.commonpath(roots))
