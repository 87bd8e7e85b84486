"""At which size a model looks at images and frames, as its config says.

A size is a pair (long, short) of sides in pixels, aspect kept; None: as they are. Kinds
of prompts are those of :class:`uninext.models.trackers.VideoSession`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Scale = tuple[int, int]
# (long, short) sides for a model that was built, which tells nothing: the paper's.
DEFAULT_SCALE = (1333, 800)
PROMPT_KINDS = ('category', 'expression', 'box', 'mask')
_VIDEO_LOOP = 'VideoTestLoop'
_HOW_TO_SAY = (
    'Pass the size, scale=(long, short) (--scale LONG SHORT), or write it in the '
    'config, inference_scale=(1333, 800) or inference_scale=dict(image=..., video=...).'
)


class InferenceScale:
    """The sizes that a config evaluates its model at.

    What the config tests, images or videos (``VideoTestLoop``), is resized as the
    pipeline of its test data does it. For the other of the two, and where test data
    have several sizes, counts ``inference_scale`` of the config: a size for all, or
    ``dict(image=..., video=...)``, where the size of videos may be a dict of a size for
    each kind of prompt. Sizes of training data are no prediction.

    Args:
        config: A config; None: of a model that was built, ``DEFAULT_SCALE``.
        given: A size of the user in place of those of the config; None: as they are;
            'auto': those of the config.

    Raises:
        ValueError: If ``given``, or ``inference_scale`` of the config, is no size.
    """

    def __init__(
        self,
        config: Mapping[str, Any] | None = None,
        given: Sequence[int] | str | None = 'auto',
    ) -> None:
        self._config = config or {}
        said: Any = self._config.get('inference_scale', ...)
        if not isinstance(given, str) or given != 'auto':
            self._config, said = {}, checked_scale(given)
        elif config is None:
            said = DEFAULT_SCALE
        self._said = _said(said)

    def for_images(self) -> Scale | None:
        """The size of images.

        Raises:
            ValueError: If the config does not tell it.
        """
        return self._find('image')

    def for_videos(self) -> Scale | dict[str, Scale] | None:
        """The size of frames; a dict where it depends on the kind of prompt.

        Raises:
            ValueError: If the config does not tell it.
        """
        return self._find('video')

    def to_config(self) -> dict[str, Any]:
        """``inference_scale`` for a config that carries no data; empty if unknown."""
        lines = {}
        for key in ('image', 'video'):
            with contextlib.suppress(ValueError):  # said to whom asks for it
                lines[key] = self._find(key)
        return lines

    def _find(self, source: str) -> Any:
        """The size of 'image' or 'video'."""
        sizes: set[Scale | None] = set()
        loop = (self._config.get('test_cfg') or {}).get('type')
        if (loop == _VIDEO_LOOP) == (source == 'video'):
            loader = self._config.get('test_dataloader') or {}
            sizes = {_size_of(pipeline) for pipeline in _pipelines(loader)}
        if len(sizes) == 1:
            return sizes.pop()
        if source in self._said:
            return self._said[source]
        if sizes:
            raise ValueError(
                'The test data of the config are resized to several sizes: '
                f'{sorted(sizes, key=str)}. {_HOW_TO_SAY}'
            )
        raise ValueError(
            f'The config does not say at which size its model looks at {source}s: '
            f'neither its test data nor inference_scale does. {_HOW_TO_SAY}'
        )


def checked_scale(scale: Sequence[int] | str | None) -> Scale | None:
    """Check a size.

    Args:
        scale: (long, short) sides in pixels; None: images as they are.

    Raises:
        ValueError: If it is something else.
    """
    if scale is None:
        return None
    is_pair = isinstance(scale, (list, tuple)) and len(scale) == 2
    numbers = is_pair and all(isinstance(side, (int, float)) for side in scale)
    if not numbers or not all(int(side) == side and side > 0 for side in scale):
        raise ValueError(
            "scale must be 'auto', None or (long, short) sides in pixels, got "
            f'{scale!r}.'
        )
    return int(max(scale)), int(min(scale))


def _said(said: Any) -> dict[str, Any]:
    """``image`` and ``video`` of a checked ``inference_scale``; those it names."""
    if said is ...:
        return {}
    if not isinstance(said, Mapping):
        return dict.fromkeys(('image', 'video'), checked_scale(said))
    unknown = set(said) - {'image', 'video'}
    if unknown:
        raise ValueError(
            f'inference_scale of the config is a size, or a dict of image and video; '
            f'got {sorted(unknown)}.'
        )
    video = said.get('video')
    if not isinstance(video, Mapping):
        return {source: checked_scale(size) for source, size in said.items()}
    if set(video) != set(PROMPT_KINDS) or None in video.values():
        raise ValueError(
            'inference_scale.video of the config must be a size, or have one for '
            f'each of {", ".join(PROMPT_KINDS)}; got {dict(video)}.'
        )
    of_kinds = {kind: checked_scale(video[kind]) for kind in PROMPT_KINDS}
    return {**_said({k: v for k, v in said.items() if k != 'video'}), 'video': of_kinds}


def _pipelines(part: Any) -> Iterator[Sequence[Mapping[str, Any]]]:
    """Pipelines of a dataloader, in any depth."""
    if isinstance(part, Mapping):
        for key, value in part.items():
            if key == 'pipeline':
                yield value
            else:
                yield from _pipelines(value)
    elif isinstance(part, (list, tuple)):
        for value in part:
            yield from _pipelines(value)


def _size_of(pipeline: Sequence[Mapping[str, Any]]) -> Scale | None:
    """What a test pipeline resizes to; None if it leaves images as they are.

    Raises:
        ValueError: If it resizes as the inferencer does not.
    """
    resizing = [step for step in pipeline if 'Resize' in str(step.get('type'))]
    if not resizing:
        return None
    step = resizing[0]
    is_usual = (
        len(resizing) == 1
        and str(step['type']).rsplit('.', 1)[-1] == 'Resize'
        and bool(step.get('keep_ratio'))
        and step.get('backend') == 'pillow'
    )
    if not is_usual:
        raise ValueError(
            'Images are resized by keeping their aspect, with pillow, and the test '
            f'pipeline of the config has {[dict(step) for step in resizing]}. Results '
            "would differ. Write dict(type='Resize', scale=(long, short), "
            "keep_ratio=True, backend='pillow') there, or pass the size, scale=(long, "
            'short) (--scale LONG SHORT).'
        )
    return checked_scale(step.get('scale'))
