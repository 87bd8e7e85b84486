"""Files are written whole or not at all."""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress

import pytest

from uninext.utils.files import FileError, replacing, sha256_of


def test_replacing_keeps_the_old_file_when_writing_fails(tmp_path):
    path = tmp_path / 'x.pth'
    with replacing(path) as temporary:
        temporary.write_text('old')
        assert not path.exists()
    with pytest.raises(FileError, match='No space left'), replacing(path) as tmp:
        tmp.write_text('half')
        raise OSError(28, os.strerror(28))
    assert path.read_text() == 'old'
    assert list(tmp_path.iterdir()) == [path]


def test_errors_of_the_block_are_not_those_of_the_disk(tmp_path):
    path = tmp_path / 'x'
    with suppress(KeyboardInterrupt), replacing(path) as temporary:
        temporary.write_text('half')
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(FileError, match='No space left.*Make room'):  # noqa: SIM117
        with replacing(path):
            raise OSError(28, os.strerror(28))


def test_checksum(tmp_path):
    path = tmp_path / 'x'
    path.write_bytes(b'abc' * 10**6)
    assert sha256_of(path) == hashlib.sha256(path.read_bytes()).hexdigest()
