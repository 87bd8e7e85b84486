"""What a resumed run shares with the one that was saved, or is not the same run."""

from __future__ import annotations

import hashlib
import json
import os
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
    'files': 'the annotation files',
}
_BLOCKS = 64  # of a file that are compared
_BLOCK = 1 << 18  # bytes


def identity_of(runner: Runner) -> str:
    """Seed, number of processes, what batches are drawn of and annotation files.

    JSON. The number of workers is none of it: samples do not depend on it.
    """
    loader = runner.train_dataloader
    sampler = getattr(loader, 'batch_sampler', None)
    describe = getattr(sampler, 'describe', None)
    batches = describe() if describe else {'data': [len(loader.dataset)]}
    identity = dict(
        seed=runner.seed,
        processes=runner.world_size,
        batches=batches,
        files=files_of(loader.dataset),
    )
    return json.dumps(identity)


def check_identity(
    saved: Mapping[str, Any], identity: str, allow: Sequence[str], source: str
) -> list[str]:
    """Compare a run with the one that a checkpoint was saved of.

    Args:
        saved: ``meta`` of the checkpoint; of older versions without identity, which are
            not compared; nor are files, of those without.
        identity: Of the run, from :func:`identity_of`.
        allow: What may differ: ``'seed'``, ``'processes'``, ``'batches'``, ``'files'``.
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
    before, now = json.loads(saved[META_KEY]), json.loads(identity)
    lines = []
    for name in (n for n in _ADVICE if n in before and before[n] != now[n]):
        told = f'{_ADVICE[name]}: {_changes(before[name], now[name])}'
        if name not in allow:
            raise FileError(
                f'{source} is of another run, which is not resumed: it differs in '
                f'{told}. Samples would be drawn twice or never. Resume it as it was; '
                f'or go on all the same with --cfg-options "resume_allow=[\'{name}\']".'
            )
        lines.append(f"Resumed with another run's {told}")
    return lines


def files_of(dataset: Any) -> dict[str, str]:
    """Digests of the files that samples were read from, by name and source.

    Of files above 16 MB pieces are compared, and their size: another version is found,
    a few changed bytes may not be.
    """
    sources = getattr(dataset, 'sources', None)
    parts = {f'{s.name}: ': s.dataset for s in sources} if sources else {'': dataset}
    files = {of: getattr(part, 'ann_file', None) or '' for of, part in parts.items()}
    return {
        of + os.path.basename(path): _digest(path)
        for of, path in files.items()
        if os.path.isfile(path)
    }


def _digest(path: str) -> str:
    size = os.path.getsize(path)
    digest = hashlib.sha256(str(size).encode())
    with open(path, 'rb') as file:
        for number in range(_BLOCKS):
            file.seek(max(size - _BLOCK, 0) * number // (_BLOCKS - 1))
            digest.update(file.read(_BLOCK))
    return digest.hexdigest()[:16]


def _changes(before: Any, now: Any) -> str:
    """The entries that differ."""
    if isinstance(before, dict) and isinstance(now, dict):
        names = [k for k in {**before, **now} if before.get(k) != now.get(k)]
        before, now = ({k: of.get(k) for k in names} for of in (before, now))
    return f'{before} when it was saved, {now} now'
