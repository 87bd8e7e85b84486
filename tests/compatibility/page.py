"""The table of docs/compatibility.md, of what ``make compat`` found."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from compatibility.cells import CELLS, ROOT
from uninext.utils.marked_pages import fill, table

PAGE = ROOT / 'docs/compatibility.md'
DATA = ROOT / 'tests/data/compatibility.json'
CHECKS = ('install', 'predict', 'train', 'silence', 'tests')
# Packages whose versions are kept.
VERSIONS = (
    *('torch', 'transformers', 'tokenizers', 'huggingface_hub', 'numpy', 'scipy'),
    *('opencv-python', 'pillow', 'av', 'matplotlib', 'scikit-image', 'pycocotools'),
    *('onedl-mmengine', 'onedl-mmcv', 'onedl-mmdetection', 'onedl-mmpretrain'),
    *('mmengine', 'mmcv-lite', 'mmdet', 'mmpretrain'),
)


def write_page(records: Mapping[str, Mapping[str, Any]], page: Path = PAGE) -> None:
    """Keep what was found, and write the table of it."""
    DATA.write_text(json.dumps(records, indent=1) + '\n')
    page.write_text(fill(page.read_text(), page_parts(records)))


def page_parts(records: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    """What is between the marks of the page."""
    return dict(cells=cells_table(records), failures=failures_list(records))


def cells_table(records: Mapping[str, Mapping[str, Any]]) -> str:
    """A row for each cell, run or not."""
    titles = ('cell', 'Python', 'torch', 'transformers', 'numpy', 'OpenMMLab', *CHECKS)
    rows = []
    for name, cell in CELLS.items():
        record = records.get(name, dict(versions={}, checks={}))
        versions = record['versions']
        theirs = [
            versions.get(f'onedl-{package}') or versions.get(package)
            for package in ('mmengine', *_NAMES[cell.upstream])
        ]
        rows.append(
            (
                f'`{name}`: {cell.why}',
                versions.get('python', cell.python),
                versions.get('torch', cell.torch or '-'),
                *(versions.get(package, '-') for package in ('transformers', 'numpy')),
                ', '.join(filter(None, theirs)) or '-',
                *(_outcome(record['checks'].get(check)) for check in CHECKS),
            )
        )
    return table(titles, rows)


_NAMES = {False: ('mmcv', 'mmdetection'), True: ('mmcv-lite', 'mmdet')}


def _outcome(told: Mapping[str, Any] | None) -> str:
    if told is None:
        return 'not run'
    if not told['passed']:
        return '**failed**'
    return told['said'] or 'passed'


def failures_list(records: Mapping[str, Mapping[str, Any]]) -> str:
    """What failed checks said."""
    lines = [
        f'- `{name}`, {check}: `{told["said"].replace("`", chr(39))}`'
        for name, record in records.items()
        for check, told in record['checks'].items()
        if not told['passed']
    ]
    return '\n'.join(lines) or 'Nothing failed.'
