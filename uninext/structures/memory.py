"""What a video leaves behind for its next frame.

A tracker updates these between frames; the loop over the frames owns them, the network
never does. None of them grows with the length of the video. Their tensors are replaced,
never written to: ``dataclasses.replace(memory)`` is a copy of the moment.

Shape legend: T tracks that can still be met again, B backdrops, M embeddings kept of a
track, C channels, K names.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, TypeVar

import torch
from torch import Tensor

from uninext.structures.visual_prompt import Template

_M = TypeVar('_M', bound='Memory')
_T = TypeVar('_T', bound='TracksMemory')


def _no_ids() -> Tensor:
    return torch.zeros(0, dtype=torch.int64)


def _no_rows() -> Tensor:
    return torch.zeros(0, 0)


@dataclass
class Memory:
    """What all memories can: be saved, be restored, change the device.

    A tracker of one's own derives its memory from this: a dataclass whose fields are
    tensors, numbers, texts, or lists and dicts of them, all with defaults.
    """

    def state_dict(self) -> dict[str, Any]:
        """Tensors, numbers and dicts of them: ``torch.load(weights_only=True)``."""
        return {f.name: _packed(getattr(self, f.name)) for f in fields(self)}

    @classmethod
    def from_state_dict(cls: type[_M], state: dict[str, Any]) -> _M:
        """Undo :meth:`state_dict`.

        Raises:
            ValueError: If entries are missing or unknown.
        """
        expected = {f.name for f in fields(cls)}
        if set(state) != expected:
            raise ValueError(
                f'This is no saved {cls.__name__}: missing '
                f'{sorted(expected - set(state))}, unknown '
                f'{sorted(set(state) - expected)}. Give what its state_dict() returned.'
            )
        return cls(**{name: _unpacked(value) for name, value in state.items()})

    def to(self: _M, device: torch.device | str) -> _M:
        """A copy on another device."""
        return type(self)(
            **{f.name: _moved(getattr(self, f.name), device) for f in fields(self)}
        )


@dataclass
class TracksMemory(Memory):
    """Memory of several tracks, a row each.

    Attributes:
        per_track: Names of the fields that have a row a track.
        ids: (T,) int64, ascending.
    """

    per_track: ClassVar[tuple[str, ...]] = ('ids',)
    ids: Tensor = field(default_factory=_no_ids)

    def __len__(self) -> int:
        return len(self.ids)

    def take(self: _T, ids: Tensor) -> _T:
        """Move the tracks ``ids`` (m,) out, into a memory of their own."""
        mine = torch.isin(self.ids, ids)
        rows = {name: getattr(self, name) for name in self.per_track}
        for name, values in rows.items():
            setattr(self, name, values[~mine])
        return type(self)(**{name: values[mine] for name, values in rows.items()})

    def put(self: _T, other: _T) -> None:
        """Undo :meth:`take`."""
        pairs = {n: (getattr(self, n), getattr(other, n)) for n in self.per_track}
        order = torch.cat(pairs['ids']).argsort()
        for name, (mine, theirs) in pairs.items():
            both = torch.cat([mine, theirs]) if len(mine) else theirs
            setattr(self, name, both[order])


@dataclass
class TrackMemory(TracksMemory):
    """Targets of a video that are told apart by their newest appearance.

    Attributes:
        ids: (T,) int64, ascending.
        embeds: (T, C).
        labels: (T,) int64.
        last_frames: (T,) int64, when each was last seen.
        backdrop_embeds: (B, C), recent detections that belong to no track.
        backdrop_labels: (B,) int64.
        backdrop_frames: (B,) int64.
        frame: Frames seen so far, which is the index of the next one.
    """

    per_track = ('ids', 'embeds', 'labels', 'last_frames')
    embeds: Tensor = field(default_factory=_no_rows)
    labels: Tensor = field(default_factory=_no_ids)
    last_frames: Tensor = field(default_factory=_no_ids)
    backdrop_embeds: Tensor = field(default_factory=_no_rows)
    backdrop_labels: Tensor = field(default_factory=_no_ids)
    backdrop_frames: Tensor = field(default_factory=_no_ids)
    frame: int = 0


@dataclass
class InstanceMemory(TracksMemory):
    """Targets of a video told apart by their last few appearances, with their scores.

    Attributes:
        ids: (T,) int64, ascending.
        embeds: (T, M, C), newest last; zeros in slots that are not filled yet.
        embed_scores: (T, M), detection scores that belong to ``embeds``.
        seen_frames: (T,) int64, in how many frames each was seen.
        last_frames: (T,) int64, when each was last seen.
        score_sums: (T, K), scores of the names, summed over ``valid_frames``.
        valid_frames: (T,) int64, frames that count for the result of the video.
        frame: Frames seen so far, which is the index of the next one.
    """

    per_track = (
        'ids', 'embeds', 'embed_scores', 'seen_frames', 'last_frames', 'score_sums',
        'valid_frames',
    )  # fmt: skip
    embeds: Tensor = field(default_factory=lambda: torch.zeros(0, 0, 0))
    embed_scores: Tensor = field(default_factory=_no_rows)
    seen_frames: Tensor = field(default_factory=_no_ids)
    last_frames: Tensor = field(default_factory=_no_ids)
    score_sums: Tensor = field(default_factory=_no_rows)
    valid_frames: Tensor = field(default_factory=_no_ids)
    frame: int = 0

    def mean_scores(self, ids: Tensor) -> Tensor:
        """Scores of the names, averaged over the frames of a track so far.

        Args:
            ids: (m,) int64 of tracks in memory.

        Returns:
            (m, K); zeros where no frame counts.

        Raises:
            ValueError: If one is not in memory (any more).
        """
        found = self.ids[:, None] == ids[None]  # (T, m)
        if not bool(found.any(0).all()):
            raise ValueError(
                f'Tracks {ids.tolist()} are asked for, in memory are '
                f'{self.ids.tolist()}: ask before a track ends.'
            )
        row = found.to(torch.int8).argmax(0) if len(ids) else ids
        counts = self.valid_frames[row].clamp(min=1)
        return self.score_sums[row] / counts[:, None].to(self.score_sums)


@dataclass
class TemplateMemory(Memory):
    """A target that was shown once, and how it looked last.

    Attributes:
        first: As it was shown.
        latest: As it was found later; None until then.
        frame: Frames since ``first``, which has index 0.
        last_score: Of the newest frame, in 0..1; 1 for the given one.
    """

    first: Template
    latest: Template | None = None
    frame: int = 0
    last_score: float = 1.0

    @property
    def templates(self) -> tuple[Template, ...]:
        """What a visual prompt of the next frame shows.

        The first alone until there is a later one: showing it twice, as published,
        changes no attention weight and no mean, and costs twice the tokens.
        """
        return (self.first,) if self.latest is None else (self.first, self.latest)


_TEMPLATE = {f.name for f in fields(Template)}


def _packed(value: Any) -> Any:
    if isinstance(value, Template):
        return {name: getattr(value, name) for name in _TEMPLATE}
    return _each(value, _packed)


def _unpacked(value: Any) -> Any:
    if isinstance(value, dict) and set(value) == _TEMPLATE:
        return Template(**value)
    return _each(value, _unpacked)


def _moved(value: Any, device: torch.device | str) -> Any:
    if isinstance(value, (Tensor, Template)):
        return value.to(device)
    return _each(value, lambda part: _moved(part, device))


def _each(value: Any, change: Callable[[Any], Any]) -> Any:
    """Lists, tuples and dicts of changed parts; anything else as it is."""
    if isinstance(value, dict):
        return {key: change(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return type(value)(change(part) for part in value)
    return value
