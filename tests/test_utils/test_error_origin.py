"""Whose an error is: the user's, with a message, or ours, with a traceback."""

from __future__ import annotations

import json
from types import ModuleType

import pytest
import torch
from mmengine.registry import Registry

from uninext.datasets import DatasetError, UnreadableImageError
from uninext.utils.error_origin import is_for_users, message_of


def module_of(code: str, name: str) -> ModuleType:
    """A module that was never a file, in the package if its file says so."""
    module = ModuleType(name)
    exec(compile(code, f'{name.replace(".", "/")}.py', 'exec'), module.__dict__)
    return module


CODE = """
import json, os
def raises(error): raise error
def chained():
    try: int('x')
    except ValueError as error: raise ValueError('expected a number') from error
def raised_again():
    try: int('x')
    except ValueError: raise
def passed_on():
    kept = None
    try: int('x')
    except ValueError as error: kept = error
    raise kept
"""
OURS, THEIRS = module_of(CODE, 'uninext.of_a_test'), module_of(CODE, 'of_a_test')


def caught(call, *args) -> BaseException:
    with pytest.raises(BaseException) as info:  # noqa: PT011
        call(*args)
    error = info.value
    if error.__traceback__ is not None:  # without the frame of this test
        error.__traceback__ = error.__traceback__.tb_next
    return error


@pytest.mark.parametrize(
    'error',
    [
        ValueError('expected a box, got None'),
        ImportError('pip install gradio first'),
        FileExistsError('there are files in found'),
        RuntimeError('compiled for another device'),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_the_package_raises_by_a_statement_is_for_users(error):
    assert is_for_users(caught(OURS.raises, error))
    error = error.with_traceback(None)
    assert not is_for_users(caught(THEIRS.raises, error))


@pytest.mark.parametrize(
    'error',
    [KeyError('no box here'), KeyError('bbox'), ValueError('bbox'), ValueError()]
    + [IndexError('no frame 3'), AttributeError('no such thing'), TypeError('a b')],
    ids=repr,
)
def test_errors_for_code_and_bare_words_are_not(error):
    assert not is_for_users(caught(OURS.raises, error))


def test_only_a_statement_counts():
    assert is_for_users(caught(OURS.chained))
    assert not is_for_users(caught(OURS.raised_again))
    assert not is_for_users(caught(OURS.passed_on))
    assert not is_for_users(caught(OURS.json.loads, '{'))
    assert not is_for_users(ValueError('never raised'))


def test_files_and_memory_are_for_users(tmp_path):
    assert is_for_users(caught(open, tmp_path / 'no'))
    assert is_for_users(caught(THEIRS.raises, OSError(28, 'No space left on device')))
    assert not is_for_users(caught(THEIRS.raises, OSError('an expression of others')))
    full = torch.OutOfMemoryError('CUDA out of memory. Tried to allocate 3 GiB')
    assert is_for_users(caught(THEIRS.raises, full))


def test_declared_errors_are_for_users_even_from_another_process():
    error = UnreadableImageError(
        'Caught UnreadableImageError in DataLoader worker process 0.\nOriginal '
        'Traceback (most recent call last):\n  File "x.py", line 1, in f\n'
        'uninext.datasets.image_files.UnreadableImageError: Image a.jpg is cut.\n'
    )
    assert is_for_users(caught(THEIRS.raises, error))
    assert message_of(error) == 'Image a.jpg is cut.'
    assert is_for_users(caught(THEIRS.raises, DatasetError('x.json is absent')))


class _Part:
    def __init__(self, error: BaseException | None = None) -> None:
        if error is not None:
            THEIRS.raises(error)
        json.loads('{')


@pytest.fixture
def parts() -> Registry:
    registry = Registry('parts')
    registry.register_module(module=_Part)
    return registry


@pytest.mark.parametrize(
    ('config', 'expected'),
    [
        (dict(type='_Absent'), True),
        (dict(type='_Part', no_such_argument=1), True),
        (dict(type='_Part', error=AssertionError('channels must be even')), True),
        (dict(type='_Part', error=KeyError('bbox')), False),
        (dict(type='_Part', error=AttributeError('no such thing')), False),
        (dict(type='_Part'), False),
    ],
    ids=['type', 'argument', 'complaint', 'bare word', 'attribute', 'bug'],
)
def test_a_wrong_config_is_the_users(parts, config, expected):
    assert is_for_users(caught(parts.build, config)) is expected


def test_words_of_an_error():
    assert message_of(KeyError("'X' is not there")) == "'X' is not there"
    assert message_of(ValueError()) == 'ValueError'
