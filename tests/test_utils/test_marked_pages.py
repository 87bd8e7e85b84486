from __future__ import annotations

import pytest

from uninext.utils.marked_pages import fill, table


def test_a_table_without_rows():
    assert table(['a', 'b'], []) == '| a | b |\n| --- | --- |'


def test_parts_replace_what_is_between_their_marks():
    page = 'x\n<!-- a -->\nold\n<!-- /a -->\ny\n'
    assert fill(page, {}) == page
    filled = fill(page, {'a': 'new'})
    assert filled == 'x\n<!-- a -->\nnew\n<!-- /a -->\ny\n'
    assert fill(filled, {'a': 'new'}) == filled


@pytest.mark.parametrize('page', ['', '<!-- a -->', '<!-- a --><!-- /a -->' * 2])
def test_marks_must_be_there_once(page: str):
    with pytest.raises(ValueError, match='<!-- /a --> once'):
        fill(page, {'a': ''})
