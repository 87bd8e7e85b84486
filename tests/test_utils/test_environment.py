from __future__ import annotations

import os

import pytest

from uninext.utils.environment import environment

NAME = 'UNINEXT_TEST_ENVIRONMENT'


@pytest.mark.parametrize('before', [None, '', 'mine'])
def test_it_is_as_it_was(monkeypatch, before):
    monkeypatch.delenv(NAME, raising=False)
    if before is not None:
        monkeypatch.setenv(NAME, before)
    with pytest.raises(KeyError), environment(NAME, 'ours'):
        assert os.environ[NAME] == 'ours'
        raise KeyError
    assert os.environ.get(NAME) == before


def test_the_block_may_drop_it(monkeypatch):
    monkeypatch.delenv(NAME, raising=False)
    with environment(NAME, 'ours'):
        del os.environ[NAME]
    assert NAME not in os.environ
