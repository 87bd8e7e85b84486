"""Prompts with frames: what comes, is corrected, and goes in a video.

A list of steps, in Python or of a JSON file. Each is an object with one of these, and
``frame``, from 0, which is 0 where it is absent:

* ``categories``, ``expression``, ``box`` or ``mask``: asked for from that frame on, as
  :class:`uninext.apis.UninextInferencer` takes them; ``shown_in`` with the last two
* ``exclude`` or ``exclude_expression``: not to be returned from that frame on
* ``correct``: a track id, or the ``name`` of an earlier step that asks for one object;
  with the ``box`` or ``mask`` where it is in that frame
* ``remove``: the ``name`` of an earlier step, whose prompts are asked for no longer

Steps that ask or exclude may have a ``name``. Paths of a file start from its folder.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from uninext.apis.masks import load_mask
from uninext.apis.prompts import asked_prompts, excluded_prompts, threshold_kind
from uninext.formats.json_file import read_json
from uninext.models.trackers.corrections import one_target
from uninext.structures import Prompt, Target

ASK = ('categories', 'expression', 'box', 'mask')
EXCLUDE = ('exclude', 'exclude_expression')
KEYS = {
    'ask': {*ASK, 'shown_in', 'name'},
    'exclude': {*EXCLUDE, 'name'},
    'correct': {'correct', 'box', 'mask'},
    'remove': {'remove'},
}
ADVICE = 'docs/command_line.md says what a list of prompts holds.'


@dataclass(frozen=True)
class PromptStep:
    """What changes before a frame.

    Attributes:
        frame: From 0.
        number: Place in the list, from 1.
        prompts: That are added.
        is_excluded: Whether those must not be returned.
        name: By which later steps mean those.
        correct: Track, or name of the prompt, that ``shown`` (``box`` or ``mask``)
            corrects; None: none.
        remove: Name of the prompts that go; None: none.
    """

    frame: int
    number: int
    prompts: tuple[Prompt | Target, ...] = ()
    is_excluded: bool = False
    name: str | None = None
    correct: int | str | None = None
    shown: dict[str, Any] = field(default_factory=dict)
    remove: str | None = None


def read_prompt_steps(prompts: Any) -> tuple[PromptStep, ...]:
    """Read steps, in the order of their frames.

    Args:
        prompts: Path of a file; or a list of steps, whose paths start from the working
            folder, and whose masks and images may be arrays.

    Raises:
        ValueError: If the file cannot be read, or a step is none; it says which, and
            what is expected. If a name is used that no step before has, or one that
            several prompts have, for a correction.
    """
    source, folder, records = 'prompts', Path(), prompts
    if isinstance(prompts, (str, Path)):
        source, folder = str(prompts), Path(prompts).parent
        records = read_json(prompts, ADVICE)
    if not isinstance(records, (list, tuple)) or not records:
        raise ValueError(f'{source} must be a list of steps, and not empty. {ADVICE}')
    steps = []
    for number, record in enumerate(records, start=1):
        try:
            steps.append(_read_step(record, number, folder))
        except ValueError as error:
            raise ValueError(f'{source}, step {number}: {error}') from error
    steps.sort(key=lambda step: step.frame)
    if not any(step.prompts and not step.is_excluded for step in steps):
        raise ValueError(f'{source} asks for nothing: no step has any of {ASK}.')
    _check_names(steps, source)
    return tuple(steps)


def _read_step(record: Any, number: int, folder: Path) -> PromptStep:
    action = _action(record)
    frame = record.get('frame', 0)
    if type(frame) is not int or frame < 0:
        raise ValueError(f'frame must be a whole number from 0, got {frame!r:.40}.')
    given = {k: _absolute(v, folder) if k in ('mask', 'shown_in') else v
             for k, v in record.items()}  # fmt: skip
    name = given.get('name')
    if name is not None and (not isinstance(name, str) or not name):
        raise ValueError(f'name must be a text, got {name!r:.40}.')
    if action == 'remove':
        return PromptStep(frame, number, remove=_name_or_track(given, action))
    if action == 'correct':
        shown = dict(box=given.get('box'), mask=load_mask(given.get('mask')))
        one_target(**shown)
        track = _name_or_track(given, action)
        return PromptStep(frame, number, correct=track, shown=shown)
    if action == 'exclude':
        texts = [given.get(key) for key in EXCLUDE]
        prompts = tuple(excluded_prompts(*texts, wanted=()))
        return PromptStep(frame, number, prompts, True, name)
    prompts = tuple(asked_prompts(*(given.get(key) for key in (*ASK, 'shown_in'))))
    return PromptStep(frame, number, prompts, False, name)


def _action(record: Any) -> str:
    """Which of ``KEYS`` a step is; ``ValueError`` if it is none, or several."""
    if not isinstance(record, Mapping):
        raise ValueError(f'it must be an object, got {record!r:.60}.')
    keys = set(record) - {'frame'}
    for action in ('remove', 'correct', 'exclude', 'ask'):
        first = dict(ask=ASK, exclude=EXCLUDE).get(action, (action,))
        if keys & set(first):
            break
    else:
        raise ValueError(
            f'it has {sorted(record)}, and needs one of '
            f'{", ".join([*ASK, *EXCLUDE, "correct", "remove"])}.'
        )
    others = sorted(keys - KEYS[action])
    if others:
        raise ValueError(
            f'{", ".join(others)} does not go with {action}, which takes '
            f'{", ".join(sorted(KEYS[action] | {"frame"}))}. Make it a step of its own.'
        )
    return action


def _absolute(value: Any, folder: Path) -> Any:
    """Paths of images, from the folder; anything else as it is."""
    if isinstance(value, str):
        return str(folder / value)
    if isinstance(value, list):
        return [_absolute(part, folder) for part in value]
    return value


def _name_or_track(given: Mapping[str, Any], action: str) -> Any:
    value = given[action]
    kinds, what = (str,), 'the name of a step'
    if action == 'correct':
        kinds, what = (str, int), 'a track id, or the name of a step'
    if not isinstance(value, kinds) or isinstance(value, bool):
        raise ValueError(f'{action} must be {what}, got {value!r:.40}.')
    return value


def _check_names(steps: Sequence[PromptStep], source: str) -> None:
    """Whether every name means something at its frame."""
    alive: dict[str, PromptStep] = {}
    for step in steps:
        where = f'{source}, step {step.number}'
        if step.name is not None:
            if step.name in alive:
                other = alive[step.name].number
                raise ValueError(f'{where}: step {other} has the name {step.name!r}.')
            alive[step.name] = step
        named = step.remove if step.correct is None else step.correct
        if not isinstance(named, str):
            continue
        if named not in alive:
            raise ValueError(
                f'{where}: there is no {named!r} at frame {step.frame}; there are '
                f'{sorted(alive)}.'
            )
        prompts = alive[named].prompts
        kinds = {threshold_kind(prompt) for prompt in prompts}
        if step.correct is not None and (len(prompts) > 1 or 'category' in kinds):
            raise ValueError(
                f'{where}: {named!r} may have several tracks. Give the id of the one '
                'to correct, as a run without this step reports it.'
            )
        if step.remove is not None:
            del alive[named]
