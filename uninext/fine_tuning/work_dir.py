"""The folder of a fine-tuning: what an earlier run left there is not lost unasked."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from uninext.formats.json_file import write_text

CONFIG = 'config.py'
DATA = 'data'
METRICS = 'metrics.json'
PREDICTIONS = 'predictions'
START = 'start'  # a folder: what is measured before
CURVES, PAGE = 'curves.png', 'report.html'
# A copy beside the parts of the data: whether a user has changed the config.
_AS_WRITTEN = f'{DATA}/config_as_written.py'
# What a run makes. A checkpoint of an earlier run with more iterations would be taken
# for the newest of this one by --resume.
_RESULTS = (
    *('iter_*.pth', 'best_*.pth', 'last_checkpoint', METRICS, CURVES, PAGE),
    *(f'{PREDICTIONS}/*.png', f'{START}/{PREDICTIONS}/*.png'),
)


def check_run_folder(
    folder: Path, inputs: Iterable[str | Path], overwrite: bool = False
) -> None:
    """Refuse a folder that holds a run, unless it may be overwritten.

    A folder that was only prepared (a dry run), whose config is as it was written, may
    be prepared again: nothing of anybody's is lost.

    Raises:
        ValueError: If something would be lost, or one of ``inputs`` replaced.
    """
    found = results_in(folder)
    config = folder / CONFIG
    if config.is_file() and not _is_as_written(folder):
        found.insert(0, config)
    if found and not overwrite:
        raise ValueError(
            f'{folder} holds a run already ({", ".join(p.name for p in found[:4])}). '
            f'To go on with it: uninext train {config} --resume. To begin anew, give '
            'another --work-dir, or --overwrite: its config, its data folder and its '
            'checkpoints are then removed.'
        )
    replaced = [config, folder / DATA, *found]
    for path in map(Path, inputs):
        if any(path.resolve().is_relative_to(p.resolve()) for p in replaced):
            raise ValueError(
                f'{path} is read by this run and would be replaced by it. Give another '
                f'--work-dir than {folder}.'
            )


def begin_run(folder: Path, text: str) -> list[Path]:
    """Write the config of a run, and remove the results of an earlier one: these files.

    Raises:
        FileError: If the config cannot be written.
    """
    removed = results_in(folder)
    for path in removed:
        path.unlink()
    write_text([text], folder / _AS_WRITTEN)
    write_text([text], folder / CONFIG)
    return removed


def results_in(folder: Path) -> list[Path]:
    """Files that a training has left in a folder."""
    return [path for pattern in _RESULTS for path in sorted(folder.glob(pattern))]


def _is_as_written(folder: Path) -> bool:
    copy = folder / _AS_WRITTEN
    text = (folder / CONFIG).read_bytes()
    return copy.is_file() and copy.read_bytes() == text
