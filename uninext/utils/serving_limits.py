"""What visitors of the web page may ask for: options of the command, ends of errors."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any


def _limit(default: float, about: str) -> Any:
    return field(default=default, metadata={'about': about})


@dataclass(frozen=True)
class ServingLimits:
    """Limits of the web page; each is an option of ``uninext demo``.

    Raises:
        ValueError: If one is no number above 0; it names the option.
    """

    max_upload_mb: float = _limit(512.0, 'megabytes of an uploaded file')
    max_image_mp: float = _limit(64.0, 'megapixels of an image')
    max_video_seconds: float = _limit(600.0, 'seconds of a video')
    max_video_mp: float = _limit(9.0, 'megapixels of a frame of a video')
    max_waiting: int = _limit(32, 'questions that wait while others are answered')
    idle_minutes: float = _limit(60.0, 'minutes without use that visits and files last')

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not 0 < value < float('inf'):  # False for nan, too
                raise ValueError(f'{option_of(name)} must be above 0, got {value:g}.')


def all_limits() -> list[tuple[str, float, str]]:
    """Name, default and meaning of each limit."""
    return [(f.name, f.default, f.metadata['about']) for f in fields(ServingLimits)]


def option_of(name: str) -> str:
    """How a limit is given to the command: ``--max-upload-mb``."""
    return f'--{name.replace("_", "-")}'


def where_to_change(name: str) -> str:
    """The end of a message about a limit."""
    return f'({option_of(name)} of uninext demo sets the limit.)'
