from __future__ import annotations

import json
import os

import pytest

from uninext.formats.errors import DatasetError
from uninext.formats.json_file import (
    is_finite,
    read_json,
    read_text,
    write_json,
    write_text,
)
from uninext.utils.files import FileError


@pytest.mark.parametrize('content', [[], {}, 'ä \U0001f600', {'a': [1, 2.5, None]}])
def test_what_is_written_is_read(tmp_path, content):
    path = tmp_path / 'new/folder/a.json'
    write_json(content, path)
    assert read_json(path) == content


def test_the_mark_of_windows_editors_is_no_part_of_the_text(tmp_path):
    (tmp_path / 'a').write_bytes('\ufeff[1]'.encode())
    assert read_json(tmp_path / 'a') == [1]


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        (b'', 'not valid JSON.*cut off'),
        (b'[1', 'not valid JSON'),
        (b'\xff', 'not a text'),
    ],
)
def test_what_is_no_json_is_an_error(tmp_path, content, message):
    (tmp_path / 'a').write_bytes(content)
    with pytest.raises(DatasetError, match=message):
        read_json(tmp_path / 'a')


def test_absent_files_and_folders_are_errors(tmp_path):
    with pytest.raises(DatasetError, match='does not exist. Look elsewhere'):
        read_json(tmp_path / 'a', 'Look elsewhere.')
    with pytest.raises(DatasetError, match='is a folder'):
        read_text(tmp_path)


def test_file_stays_as_it_was_when_writing_fails(tmp_path, monkeypatch):
    path = tmp_path / 'a.json'
    path.write_text('old')

    def chunks():
        yield 'new'
        raise OSError('No space left on device')

    with pytest.raises(FileError, match='No space'):
        write_text(chunks(), path)
    monkeypatch.setattr(os, 'replace', lambda *_: (_ for _ in ()).throw(OSError('k')))
    with pytest.raises(FileError, match='k'):
        write_text(['new'], path)
    assert path.read_text() == 'old'
    assert [p.name for p in tmp_path.iterdir()] == ['a.json']


def test_keys_that_are_left_out(tmp_path):
    content = dict(a=[dict(b=1, c=dict(b=2)), dict(c=3)], d='b')
    (tmp_path / 'f.json').write_text(json.dumps(content))
    assert read_json(tmp_path / 'f.json') == content
    assert read_json(tmp_path / 'f.json', without={'b'}) == dict(
        a=[dict(c={}), dict(c=3)], d='b'
    )


@pytest.mark.parametrize('text', ['', '[1', '[' * 100_000, '[' + '9' * 5000 + ']'])
def test_what_is_no_json_is_an_error_that_names_the_file(tmp_path, text):
    (tmp_path / 'a.json').write_text(text)
    with pytest.raises(DatasetError, match=r'a\.json is not valid JSON'):
        read_json(tmp_path / 'a.json')


@pytest.mark.parametrize(
    ('value', 'expected'),
    [(0, True), (-1.5, True), (10**30, True), (10**400, False), (True, False)]
    + [(float(text), False) for text in ('nan', 'inf', '-inf')]
    + [(value, False) for value in (None, '1', [], {})],
)
def test_finite_numbers(value, expected):
    assert is_finite(value) is expected
