"""Docstrings cite sections of docs/method.md: each of them is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CITATION = re.compile(
    r'method(?:\.md|\s+sections?)\s+(\d(?:\.\d+)?)(?:(?:,\s+|\s+and\s+)(\d\.\d+))*'
)


def sections(text):
    return set(re.findall(r'^#{2,3} (\d+(?:\.\d+)?)\.? ', text, flags=re.M))


def citations(text):
    for match in CITATION.finditer(text):
        yield from re.findall(r'\d+\.\d+|\d+', match.group(0))


@pytest.mark.parametrize(
    'text, cited',
    [
        ('', []),
        ('(method.md 1.5)', ['1.5']),
        ('Follows: method sections 1.4 and 3.2 (key', ['1.4', '3.2']),
        ('method section\n    3.3', ['3.3']),
        ('method.md 5.3, 5.4) are', ['5.3', '5.4']),
    ],
)
def test_citations_are_seen(text, cited):
    assert list(citations(text)) == cited


def test_every_cited_section_exists():
    known = sections((ROOT / 'docs/method.md').read_text(encoding='utf-8'))
    missing, found = [], 0
    for path in sorted([*ROOT.glob('uninext/**/*.py'), *ROOT.glob('tests/**/*.py')]):
        if path == Path(__file__).resolve():
            continue
        for number in citations(path.read_text(encoding='utf-8')):
            found += 1
            if number not in known:
                missing.append(f'{path.relative_to(ROOT)}: {number}')
    assert found > 30
    assert not missing, missing
