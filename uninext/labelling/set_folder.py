"""A folder of label files that may be written anew, but not over what people changed.

Beside the files stands which contents are ours; a file of another content was
corrected by a person, and is left as it is.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

from uninext.utils.files import FileError, replacing, sha256_of

WRITTEN = 'written.txt'
LINK = 'link'  # stands for the digest of a file that is not ours


class SetFolder:
    """Write the files of a set; at the end those of before that are none any more go.

    Args:
        path: Of the folder.

    Raises:
        ValueError: If a file was changed since it was written; nothing is touched.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._noted = path / WRITTEN
        self._ours: dict[str, set[str]] = {}
        self._new: dict[str, str] = {}
        if self._noted.is_file():
            for line in self._noted.read_text(encoding='utf-8').splitlines():
                digest, _, name = line.partition('  ')
                if name:  # else a kill cut the line off
                    self._ours.setdefault(name, set()).add(digest)
        for name, digests in self._ours.items():
            file = path / name
            is_text = LINK not in digests and file.is_file()
            if is_text and sha256_of(file) not in digests:
                raise ValueError(
                    f'{file} was changed after it was written: a correction, that is '
                    f'not to be lost. Move {path} away, or give another --out.'
                )

    def write_text(self, name: str, text: str) -> None:
        """Write a file whole or not at all.

        Raises:
            FileError: If it cannot be written.
        """
        path = self._begin(name, hashlib.sha256(text.encode()).hexdigest())
        with replacing(path) as temporary:
            temporary.write_bytes(text.encode())

    def write_json(self, name: str, content: Any) -> None:
        """Write JSON; errors of :meth:`write_text`."""
        self.write_text(name, json.dumps(content, indent=1) + '\n')

    def link(self, name: str, target: Path) -> None:
        """Make a link to a file, or a copy where there are no links.

        Raises:
            FileError: If that cannot be done.
        """
        path = self._begin(name, LINK)
        try:
            path.unlink(missing_ok=True)
            try:
                path.symlink_to(os.path.relpath(target, path.parent.resolve()))
            except OSError:
                shutil.copyfile(target, path)
        except OSError as error:
            raise FileError(
                f'{path} cannot be written: {error.strerror}. Make room, and give the '
                'same command again.'
            ) from error

    def finish(self) -> None:
        """Remove what is no part of the set any more."""
        for name in self._ours.keys() - self._new.keys():
            (self.path / name).unlink(missing_ok=True)
            for folder in (self.path / name).parents:
                if folder == self.path or not folder.is_dir() or any(folder.iterdir()):
                    break
                folder.rmdir()
        if not self._new:
            self._noted.unlink(missing_ok=True)
            return
        lines = [f'{digest}  {name}\n' for name, digest in self._new.items()]
        with replacing(self._noted) as temporary:
            temporary.write_text(''.join(lines), encoding='utf-8')

    def _begin(self, name: str, digest: str) -> Path:
        """Note a file as ours before it is there: a kill may come between."""
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        self._new[name] = digest
        if digest not in self._ours.get(name, ()):
            with self._noted.open('a', encoding='utf-8') as file:
                file.write(f'\n{digest}  {name}\n')
        return path
