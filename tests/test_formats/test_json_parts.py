from __future__ import annotations

import json
import random

import pytest

from uninext.formats.json_file import read_json
from uninext.formats.json_parts import parse_in_parts

RECORD = dict(
    id=1, bbox=[1.5, 2, 3e-7, -4], name='a}, {"b": "\\"', rle=dict(size=[1, 2])
)
CONTENTS = [
    dict(a=[]),
    dict(a=[1, 2, 3], b='}, {', c=None, d=-1.5e9, e=dict(f=[{}, {}])),
    dict(images=[RECORD] * 5, annotations=[dict(RECORD, id=i) for i in range(20)]),
    dict(info=dict(url='x'), images=[{}], other=[[{}, {}], [{'a': [{}, {'b': 2}]}]]),
    dict(unicode='\u00e9\U0001f415', a=[dict(name='\u00e9}, {')] * 9),
]


@pytest.mark.parametrize('indent', [None, 1], ids=['line', 'lines'])
@pytest.mark.parametrize('part', [1, 7, 64, 300, 1 << 20])
@pytest.mark.parametrize('content', CONTENTS, ids=range(len(CONTENTS)))
def test_like_json(tmp_path, content, part, indent):
    for separators in ((',', ':'), (' , ', ' : '), None):
        for ascii_only in (True, False):
            text = json.dumps(content, ensure_ascii=ascii_only, separators=separators)
            if indent:
                text = json.dumps(content, indent=indent)
            (tmp_path / 'f').write_text(f'\n{text} \n', encoding='utf-8')
            assert parse_in_parts(tmp_path / 'f', part=part) == content


def test_random_contents(tmp_path):
    generator = random.Random(0)

    def value(depth: int) -> object:
        kind = generator.randrange(3 if depth > 3 else 6)
        if kind >= 3:
            size = generator.randrange(4)
            values = [value(depth + 1) for _ in range(size)]
            return values if kind == 3 else dict(zip('a}{,', values))
        return [generator.random(), '}, {"' * generator.randrange(3), None][kind]

    for _ in range(300):
        content = {key: value(0) for key in 'xyz'}
        (tmp_path / 'f').write_text(json.dumps(content))
        part = generator.choice([3, 10, 50])
        assert parse_in_parts(tmp_path / 'f', part=part) == content


@pytest.mark.parametrize(
    'text', ['', '[]', '{', '{}', '{"a": [1, 2}', '{"a": 1} 2', '{"a" 1}', '{1: 2}']
)
def test_what_it_does_not_read(tmp_path, text):
    (tmp_path / 'f').write_text(text)
    with pytest.raises(ValueError, match='.'):
        parse_in_parts(tmp_path / 'f', part=4)


def test_large_files_are_read_so(tmp_path, monkeypatch):
    path = tmp_path / 'f'
    path.write_text(json.dumps(CONTENTS[2]))
    whole = read_json(path, without={'id'})
    monkeypatch.setattr('uninext.formats.json_file.LARGE', 10)
    monkeypatch.setattr('uninext.formats.json_file.read_text', None)
    assert read_json(path, without={'id'}) == whole
