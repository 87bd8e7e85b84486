"""Pages in Markdown of which parts are written by a command."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [titles, ['---'] * len(titles), *rows]
    return '\n'.join(f'| {" | ".join(line)} |' for line in lines)


def fill(page: str, parts: Mapping[str, str]) -> str:
    """Put parts between their marks, ``<!-- NAME -->`` and ``<!-- /NAME -->``.

    Raises:
        ValueError: If the marks of a part are not there once.
    """
    for name, text in parts.items():
        start, end = f'<!-- {name} -->', f'<!-- /{name} -->'
        if page.count(start) != 1 or page.count(end) != 1:
            raise ValueError(f'The page must have {start} and {end} once.')
        before, rest = page.split(start)
        page = f'{before}{start}\n{text}\n{end}{rest.split(end)[1]}'
    return page
