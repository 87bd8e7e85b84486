"""How sure a prediction must be, for each kind of prompt.

Categories have always had a threshold; an expression or target reports its best
prediction, unless it has one too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mmengine.structures import InstanceData

from uninext.utils.counts import check_score
from uninext.utils.defaults import DEFAULT_THRESHOLDS


def checked_score_thr(score_thr: Any) -> float:
    """Check a score threshold.

    Raises:
        ValueError: If it is no number in 0..1.
    """
    check_score(score_thr, 'score_thr')
    return float(score_thr)


def all_thresholds(
    score_thr: Any, stored: Mapping[str, float] | None = None
) -> dict[str, float]:
    """The threshold of each kind of prompt.

    Args:
        score_thr: What a user gave: that of categories, or a mapping of kinds.
        stored: Those of the checkpoint, which hold where nothing is given.

    Returns:
        ``category``, ``expression`` and ``target`` -> 0..1.

    Raises:
        ValueError: If one is no number in 0..1, or there is no such kind.
    """
    given = {} if score_thr is None else score_thr
    if not isinstance(given, Mapping):
        given = {'category': given}
    unknown = [kind for kind in given if kind not in DEFAULT_THRESHOLDS]
    if unknown:
        raise ValueError(
            f'score_thr has no kind {", ".join(map(repr, unknown))}; expected '
            f'{", ".join(DEFAULT_THRESHOLDS)}.'
        )
    given = {kind: checked_score_thr(value) for kind, value in given.items()}
    return {**DEFAULT_THRESHOLDS, **(stored or {}), **given}


def above_thresholds(
    found: InstanceData, kinds: Sequence[str], thresholds: Mapping[str, float]
) -> InstanceData:
    """Keep instances whose scores reach the threshold of their prompt's kind.

    Args:
        found: ``scores`` and ``prompt_ids`` (n,).
        kinds: Of each prompt.
        thresholds: Of each kind.
    """
    least = found.scores.new_tensor([thresholds[kind] for kind in kinds])
    return found[found.scores >= least[found.prompt_ids]]
