"""Each row of the table of faults rests on a test that is there."""

from __future__ import annotations

import re
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
PAGE = TESTS.parent / 'docs/faults.md'


def test_every_row_names_tests_that_exist():
    code = '\n'.join(path.read_text() for path in TESTS.rglob('test_*.py'))
    rows = [line for line in PAGE.read_text().splitlines() if line.count(' | ') == 3]
    rows = [row for row in rows if not row.startswith('| fault |')]
    assert len(rows) > 20
    for row in rows:
        names = re.findall(r'`(test_\w+)`', row)
        assert names, row
        assert [n for n in names if f'def {n}(' not in code] == []
