"""What is written on images: names, scores, tracks and the prompts that asked.

``lettering`` paints them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence


def label_text(
    name: str,
    score: float | None = None,
    track: int | None = None,
    note: str = '',
) -> str:
    """What stands at an instance: ``#3 person (prompt 2) 0.87``.

    A track below 0 is not sure yet; ``note`` is one of :func:`prompt_notes`.
    """
    parts = [
        f'#{track}' if track is not None and track >= 0 else '',
        name.strip(),
        f'({note})' if note else '',
        '' if score is None else f'{score:.2f}',
    ]
    return ' '.join(part for part in parts if part)


def prompt_notes(
    names: Mapping[int, Sequence[str]], prompt_ids: Sequence[int], found: Sequence[str]
) -> list[str]:
    """What tells the prompts of n instances apart where their names do not.

    Args:
        names: Prompt id -> what its labels mean.
        prompt_ids: n ids.
        found: n names.

    Returns:
        n texts: ``'prompt 2'``, counted from 1; empty where one prompt alone has the
        name.
    """
    owners = Counter(name for of_prompt in names.values() for name in set(of_prompt))
    number = {prompt: i for i, prompt in enumerate(names, start=1)}
    return [
        f'prompt {number[prompt]}' if owners[name] > 1 else ''
        for prompt, name in zip(prompt_ids, found)
    ]


def prompt_caption(texts: Sequence[str]) -> str:
    """Prompts for the bar above an image: numbered, a line each, if not one alone."""
    if len(texts) < 2:
        return ''.join(texts)
    return '\n'.join(f'{i}: {text}' for i, text in enumerate(texts, start=1))
