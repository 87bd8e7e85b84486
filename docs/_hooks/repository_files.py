"""Links of the pages to files of the repository lead to pages that show these files.

A hook of MkDocs. Pages link to configs, tools and the README by relative paths, which
the repository's own browser understands. Here every such file becomes a page below
``repository/`` of the site, and links are turned to it. A link to a file that does not
exist is a warning, which a strict build makes an error.
"""

from __future__ import annotations

import logging
import posixpath
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

ROOT = Path(__file__).resolve().parents[2]
DOCS = 'docs'
SHOWN = 'repository'  # folder of the site
ALWAYS = ('CONTRIBUTING.md', 'CHANGELOG.md')  # in the navigation
LANGUAGES = {'.py': 'python', '.sh': 'bash', '.yml': 'yaml', '.cfg': 'ini'}
_CODE = r'^(?P<fence>`{3,}).*?^(?P=fence)$|`[^`\n]+`'
_LINK = re.compile(
    rf'{_CODE}|(?P<before>\]\()(?P<target>[^)\s]+)(?P<after>\))', re.M | re.S
)
log = logging.getLogger('mkdocs.hooks.repository_files')


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add a page for every file of the repository that pages lead to."""
    from mkdocs.structure.files import File

    wanted = list(ALWAYS)
    wanted += [
        path
        for file in files.documentation_pages()
        for path in linked_files(f'{DOCS}/{file.src_uri}', file.content_string)
    ]
    pages: dict[str, str] = {}
    while wanted:
        path = wanted.pop()
        if path in pages or not (ROOT / path).is_file():
            continue
        pages[path] = page_of_file(path, (ROOT / path).read_text(encoding='utf-8'))
        if path.endswith('.md'):
            wanted += linked_files(path, pages[path])
    for path, content in sorted(pages.items()):
        files.append(File.generated(config, place_of(path), content=content))
    return files


def on_page_markdown(
    markdown: str, page: Page, config: MkDocsConfig, files: Files
) -> str:
    """Turn the links of a page."""
    place = page.file.src_uri
    return turn_links(markdown, path_of(place), place)


def place_of(path: str) -> str:
    """Where the site shows a file of the repository: a source path of MkDocs."""
    if path.startswith(f'{DOCS}/'):
        return path[len(DOCS) + 1 :]
    return f'{SHOWN}/{path}' if path.endswith('.md') else f'{SHOWN}/{path}.md'


def path_of(place: str) -> str:
    """The file of the repository that a page shows: the inverse of :func:`place_of`."""
    if not place.startswith(f'{SHOWN}/'):
        return f'{DOCS}/{place}'
    path = place[len(SHOWN) + 1 :]
    return path if (ROOT / path).is_file() else path[: -len('.md')]


def page_of_file(path: str, text: str) -> str:
    """Markdown that shows a file of the repository, whose content is ``text``."""
    if path.endswith('.md'):
        return text
    language = LANGUAGES.get(Path(path).suffix, 'text')
    return f'# {path}\n\n````{language}\n{text.rstrip()}\n````\n'


def linked_files(path: str, markdown: str) -> Iterator[str]:
    """Files outside of the docs that a page links to; relative to the repository."""
    found: list[str] = []

    def keep(target: str) -> str:
        found.append(_resolve(path, target.partition('#')[0]))
        return target

    _each_link(markdown, keep)
    yield from (each for each in found if not each.startswith(f'{DOCS}/'))


def turn_links(markdown: str, path: str, place: str) -> str:
    """Make links between files of the repository links between pages of the site.

    Links that stay inside of the docs are as they were. ``path`` of the page is
    relative to the repository, ``place`` is its source path on the site.
    """

    def turn(target: str) -> str:
        linked, hash_sign, anchor = target.partition('#')
        linked = _resolve(path, linked)
        if path.startswith(f'{DOCS}/') and linked.startswith(f'{DOCS}/'):
            return target
        if not (ROOT / linked).is_file():
            log.warning(f'{path} links to {target}, and there is no file {linked}')
            return target
        to = place_of(linked)
        return posixpath.relpath(to, posixpath.dirname(place)) + hash_sign + anchor

    return _each_link(markdown, turn)


def _each_link(markdown: str, change: Callable[[str], str]) -> str:
    """Replace the targets of relative links; code and addresses stay."""

    def replace(match: re.Match) -> str:
        target = match['target']
        if target is None or re.match(r'[a-z]+:|#', target):
            return match[0]
        return match['before'] + change(target) + match['after']

    return _LINK.sub(replace, markdown)


def _resolve(path: str, target: str) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
