"""What a resumed run shares with the one that was saved, or is not the same run."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from uninext.utils.files import FileError

if TYPE_CHECKING:
    from mmengine.runner import Runner

META_KEY = 'run_identity'
_ADVICE = {
    'seed': 'the seed (randomness.seed)',
    'processes': 'the number of processes',
    'batches': 'what batches are drawn of',
}


def identity_of(runner: Runner) -> dict[str, Any]:
    """Seed, number of processes, and what batches are drawn of, as plain values.

    The number of workers is none of it: samples do not depend on it.
    """
    loader = runner.train_dataloader
    sampler = getattr(loader, 'batch_sampler', None)
    describe = getattr(sampler, 'describe', None)
    batches = describe() if describe else {'data': [len(loader.dataset)]}
    return dict(seed=runner.seed, processes=runner.world_size, batches=batches)


def check_identity(
    saved: Mapping[str, Any], runner: Runner, allow: Sequence[str], source: str
) -> list[str]:
    """Compare a run with the one that a checkpoint was saved of.

    Args:
        saved: ``meta`` of the checkpoint; of older versions without identity, which are
            not compared.
        runner: The run.
        allow: What may differ: ``'seed'``, ``'processes'``, ``'batches'``.
        source: What messages call the checkpoint.

    Returns:
        A line for each difference that was allowed.

    Raises:
        FileError: If something else differs.
        ValueError: If ``allow`` names what there is not.
    """
    unknown = sorted(set(allow) - set(_ADVICE))
    if unknown:
        raise ValueError(
            f'resume_allow names {unknown}; what may differ is {sorted(_ADVICE)}.'
        )
    if META_KEY not in saved:
        return []
    before = json.loads(saved[META_KEY])
    now = json.loads(json.dumps(identity_of(runner)))
    lines = []
    for name in (name for name in _ADVICE if before[name] != now[name]):
        told = f'{_ADVICE[name]}: {_changes(before[name], now[name])}'
        if name not in allow:
            raise FileError(
                f'{source} is of another run, which is not resumed: it differs in '
                f'{told}. Samples would be drawn twice or never. Resume it as it was; '
                f'or go on all the same with --cfg-options "resume_allow=[\'{name}\']".'
            )
        lines.append(f"Resumed with another run's {told}")
    return lines


def _changes(before: Any, now: Any) -> str:
    """The entries that differ."""
    if isinstance(before, dict) and isinstance(now, dict):
        names = [k for k in {**before, **now} if before.get(k) != now.get(k)]
        before, now = ({k: of.get(k) for k in names} for of in (before, now))
    return f'{before} when it was saved, {now} now'
