"""Fenced code blocks of all pages for people, and what is known of each.

Comments right before a block steer what the tests do with it; readers never see them:

* ``<!-- not run: why -->``: it cannot run here. Commands are parsed all the same.
* ``<!-- run -->``: commands are not only parsed.
* ``<!-- tested with: old -> new -->``: replaced before it is run, e.g. a number of
  iterations.

``python tests/helpers/doc_blocks.py`` lists the blocks.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OTHER_PAGES = (
    'README.md',
    'CONTRIBUTING.md',
    'configs/uninext/README.md',
    'tools/dataset_converters/README.md',
)
RUN, CONFIG, FILE = 'runs', 'loaded as a config', 'written to its file'
LANGUAGES = {  # what is done with each; others are errors
    'python': RUN,
    'bash': 'commands are parsed',
    'json': 'parsed',
    'yaml': 'parsed',
    'text': 'shown',
    'diff': 'shown',
    'bibtex': 'shown',
}
_COMMENT = r'[ \t]*<!--(?:(?!-->).)*-->[ \t]*\n\s*?'
_BLOCK = re.compile(
    rf'(?P<notes>(?:{_COMMENT})*)'
    r'^(?P<indent>[ \t]*)(?P<fence>`{3,})(?P<language>[^`\n]*)\n'
    r'(?P<code>.*?)^(?P=indent)(?P=fence)[ \t]*$',
    re.M | re.S,
)
_FILE_NAME = re.compile(r'# ([\w./-]+\.py)\n')


@dataclass(frozen=True)
class Block:
    """A fenced block.

    Attributes:
        page: Path of the page from the repository's root.
        line: Of the opening fence.
        language: Word behind the fence.
        code: What is in it.
        notes: Texts of the comments right before it.
    """

    page: str
    line: int
    language: str
    code: str
    notes: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f'{self.page}:{self.line}'

    @property
    def not_run(self) -> str | None:
        """Why it does not run here; None: it does."""
        return next(self._notes_of('not run:'), None)

    @property
    def is_run(self) -> bool:
        """Whether commands are run."""
        return 'run' in self.notes

    @property
    def file_name(self) -> str | None:
        """The file that a first line such as ``# my_project/data.py`` names."""
        match = _FILE_NAME.match(self.code)
        return match[1] if match and self.language == 'python' else None

    @property
    def is_config(self) -> bool:
        """Whether it is a config that starts from others."""
        has_base = re.search(r'^_base_ =', self.code, re.M)
        return self.language == 'python' and has_base is not None

    def tested_code(self) -> str:
        """The code with the replacements of its notes.

        Raises:
            ValueError: If a note replaces what is not there.
        """
        code = self.code
        for note in self._notes_of('tested with:'):
            old, arrow, new = note.partition(' -> ')
            if not arrow or old not in code:
                raise ValueError(f'{self} has no {old!r}, which a note replaces.')
            code = code.replace(old, new)
        return code

    def treatment(self) -> str:
        """What the tests do with it."""
        if self.not_run is not None:
            return f'not run: {self.not_run}'
        if self.is_config:
            return CONFIG
        if self.file_name:
            return FILE
        if self.is_run:
            return 'commands are run'
        return LANGUAGES.get(self.language, 'UNKNOWN LANGUAGE')

    def _notes_of(self, kind: str) -> Iterator[str]:
        for note in self.notes:
            if note.startswith(kind):
                yield note[len(kind) :].strip()


def pages() -> list[str]:
    """All pages, from the repository's root."""
    found = [p.relative_to(ROOT).as_posix() for p in (ROOT / 'docs').rglob('*.md')]
    return [*OTHER_PAGES, *sorted(found)]


def blocks_of(page: str, text: str | None = None) -> list[Block]:
    """Blocks of a page, in order.

    Args:
        page: Its path from the repository's root.
        text: Its content; None: the file's.
    """
    if text is None:
        text = (ROOT / page).read_text(encoding='utf-8')
    return [
        Block(
            page,
            text.count('\n', 0, match.start('indent')) + 1,
            match['language'].strip(),
            textwrap.dedent(match['code']),
            tuple(re.findall(r'<!--\s*(.*?)\s*-->', match['notes'], re.S)),
        )
        for match in _BLOCK.finditer(text)
    ]


def all_blocks() -> list[Block]:
    """Blocks of all pages."""
    return [block for page in pages() for block in blocks_of(page)]


if __name__ == '__main__':
    listed = all_blocks()
    for one in listed:
        print(f'{str(one):42} {one.language:7} {one.treatment()}')
    unrun = sum(block.not_run is not None for block in listed)
    print(f'{len(listed)} blocks, {unrun} of them not run.')
