"""An exported model as a folder: graphs, a vocabulary, and one JSON about them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from uninext.checkpoint.carried_config import CONFIG_KEY, carried_meta, check_types
from uninext.export.graphs import of_size
from uninext.formats.json_file import read_json
from uninext.utils.files import FileError, sha256_of
from uninext.version import __version__

if TYPE_CHECKING:
    from uninext.export.graphs import Graph

MANIFEST = 'export.json'
VOCABULARY = 'vocab.txt'
LAYOUT = 1  # of the folder and the graphs; another one is not read
OF_EACH_SIZE = ('image', 'instances')
_HOW_AGAIN = 'Copy the whole folder again, or export again: uninext export.'


def about_files(
    graphs: Sequence[Graph], folder: Path, suffix: str, num_tokens: int
) -> dict[str, Any]:
    """What the JSON says of the files in a folder, and of what they take."""
    return {
        'layout': LAYOUT,
        'uninext': __version__,
        'vocabulary': {
            'file': VOCABULARY,
            'sha256': sha256_of(folder / VOCABULARY),
            'num_tokens': num_tokens,
        },
        'graphs': {
            g.name: {
                'file': f'{g.name}{suffix}',
                'sha256': sha256_of(folder / f'{g.name}{suffix}'),
                'inputs': {
                    name: {'shape': list(shape), 'dynamic': list(g.inputs[name])}
                    for name, shape in g.shapes().items()
                },
                'outputs': list(g.outputs),
            }
            for g in graphs
        },
    }


def carried(config: Mapping[str, Any]) -> dict[str, Any]:
    """A config as JSON has it: tuples are lists."""
    return json.loads(carried_meta(config)[CONFIG_KEY])


def read_folder(folder: str | Path) -> dict[str, Any]:
    """What an exported folder says of itself; its files are those it speaks of.

    Raises:
        FileError: If it was written by another version, or a file is absent or another
            than was verified; it says what to do.
        DatasetError: If its JSON is absent or damaged.
    """
    folder = Path(folder)
    said = read_json(folder / MANIFEST, 'Give the folder that uninext export wrote.')
    if not isinstance(said, dict) or said.get('layout') != LAYOUT:
        found = said if isinstance(said, dict) else {}
        raise FileError(
            f'{folder} was exported by uninext {found.get("uninext", "?")} in the '
            f'layout {found.get("layout", "?")}; this is {__version__}, which reads '
            f'{LAYOUT}. Export the model again with this version: uninext export.'
        )
    try:
        records = [said['vocabulary'], *said['graphs'].values()]
        files = [(str(one['file']), one['sha256']) for one in records]
        model = said['config']['model']
        needed = ['text']
        for size in said['sizes_hw']:
            needed += [of_size(name, size) for name in OF_EACH_SIZE]
        for key in ('format', 'max_tokens', 'thresholds', 'made_from'):
            said[key]
        check_types(model)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise FileError(
            f'{folder / MANIFEST} is damaged or changed: {error}. {_HOW_AGAIN}'
        ) from error
    absent = [name for name in needed if name not in said['graphs']]
    if absent:
        raise FileError(f'{folder} has no graph for {absent}. {_HOW_AGAIN}')
    for name, checksum in files:
        if Path(name).name != name or not (folder / name).is_file():
            raise FileError(f'{folder} lacks the file {name}. {_HOW_AGAIN}')
        if sha256_of(folder / name) != checksum:
            raise FileError(
                f'{folder / name} is not the file that was verified: its checksum is '
                f'another. {_HOW_AGAIN}'
            )
    return said
