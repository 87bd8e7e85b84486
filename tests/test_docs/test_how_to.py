"""Pages of docs/how_to, typed literally where there is no data at all.

``add_dataset`` has more to look at: ``test_add_dataset.py``.
"""

from __future__ import annotations

import pytest

from helpers.doc_blocks import ROOT, blocks_of
from helpers.doc_commands import type_in

# What must be there in the end, besides that every block works.
PAGES = {
    'add_backbone': 'work_dirs/stage2_image_patches/iter_1.pth',
    'add_prompt_type': 'work_dirs/stage2_image_points/iter_1.pth',
    'add_task': 'work_dirs/count_shapes/*/*.log',
    'add_tracker': 'work_dirs/mot_shapes_overlap/*/*.log',
}


def test_all_pages_are_typed():
    pages = {page.stem for page in (ROOT / 'docs/how_to').glob('*.md')}
    assert pages == {*PAGES, 'add_dataset'}


@pytest.mark.slow
@pytest.mark.parametrize('page', PAGES)
def test_page_works_in_an_empty_folder(page, empty_folder):
    name = f'docs/how_to/{page}.md'
    names: dict = {'__name__': name}
    for block in blocks_of(name):
        assert block.not_run is None
        type_in(block, names)
    assert list(empty_folder.glob(PAGES[page])), PAGES[page]
