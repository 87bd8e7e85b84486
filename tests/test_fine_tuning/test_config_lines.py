from __future__ import annotations

import pytest

from uninext.fine_tuning.config_lines import WIDTH, Expression, assignments


def read(text: str, **names: object) -> dict:
    scope: dict = dict(names)
    exec(text, scope)
    return {k: v for k, v in scope.items() if k not in names and k != '__builtins__'}


def test_nothing_is_written_as_nothing():
    assert assignments({}) == ''


def test_what_is_written_is_read_again():
    values = {
        'empty': {},
        'none': None,
        'short': {'a': 1, 'b': [1.5, 'x'], 'c': ('one',)},
        'long': {
            f'key_{i}': {'type': 'T', 'inner': [{'deep': (i, 'text' * 5)}] * 4}
            for i in range(4)
        },
        'escaped': '\\.\'"',
    }
    text = assignments(values)
    assert read(text) == values
    assert list(read(text)) == list(values)
    assert max(map(len, text.splitlines())) <= WIDTH


def test_expressions_stand_as_they_are():
    text = assignments({'a': {'b': Expression('base[0]')}})
    assert text == 'a = dict(b=base[0])\n'
    assert read(text, base=[7]) == {'a': {'b': 7}}


def test_keys_that_are_no_names_are_refused():
    with pytest.raises(ValueError, match=r"must be names, got \['a b'\]"):
        assignments({'x': {'a b': 1}})
