"""The site: every page is in the navigation, links lead somewhere."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from types import ModuleType

import pytest
import yaml

from helpers.doc_blocks import ROOT, pages
from helpers.tools import load_tool

DOCS = ROOT / 'docs'


@pytest.fixture(scope='module')
def hook() -> ModuleType:
    return load_tool('docs/_hooks/repository_files.py')


@pytest.fixture(scope='module')
def config() -> dict:
    return yaml.safe_load((ROOT / 'mkdocs.yml').read_text())


def places(nav: list) -> Iterator[str]:
    """Pages of a navigation, in order."""
    for entry in nav:
        value = next(iter(entry.values())) if isinstance(entry, dict) else entry
        if isinstance(value, list):
            yield from places(value)
        else:
            yield value


# ------------------------------------------------------------------------- navigation


def test_every_page_is_in_the_navigation_once(config):
    named = list(places(config['nav']))
    written = [page[len('docs/') :] for page in pages() if page.startswith('docs/')]
    assert sorted(n for n in named if not n.startswith('repository/')) == written
    assert len(set(named)) == len(named)


def test_pages_of_the_repository_in_the_navigation_exist(config, hook):
    shown = [place for place in places(config['nav']) if 'repository/' in place]
    assert sorted(hook.path_of(place) for place in shown) == sorted(hook.ALWAYS)
    assert all((ROOT / path).is_file() for path in hook.ALWAYS)


def test_nothing_is_fetched(config):
    assert config['theme']['font'] is False
    assert 'extra_javascript' not in config
    assert config['strict'] is True


def test_every_image_is_shown():
    text = ''.join((ROOT / page).read_text(encoding='utf-8') for page in pages())
    for path in (DOCS / 'assets').rglob('*'):
        if path.suffix in {'.png', '.jpg', '.svg'}:
            shown = path.relative_to(DOCS).as_posix()
            assert shown in text, f'no page shows {shown}'


@pytest.mark.parametrize('page', pages())
def test_images_are_there_and_described(page):
    text = (ROOT / page).read_text(encoding='utf-8')
    for alt, target in re.findall(r'!\[([^\]]*)\]\(([^)\s]+)\)', text):
        assert ((ROOT / page).parent / target).is_file(), f'{page}: {target}'
        assert len(alt.split()) >= 2, f'{page}: say what {target} shows'


def test_architecture_names_every_room():
    text = (DOCS / 'architecture.md').read_text(encoding='utf-8')
    chapter = text.split('## Rooms and directions')[1].split('## ')[0]
    for room in (ROOT / 'uninext').glob('*/__init__.py'):
        name = room.parent.name
        assert re.search(rf'\b{name}\b', chapter), f'there is no word of {name}/'
    for path in (ROOT / 'uninext/datasets').glob('*.py'):
        if re.search(r'^@DATASETS.*\nclass (?!MultiTask)', path.read_text(), re.M):
            assert f'`{path.stem}`' in text, f'there is no word of {path.name}'


# ------------------------------------------------------------------------------- links


def test_page_without_links_stays(hook):
    text = 'Words, `[code](a.md)`.\n\n```text\n[b](b.md)\n```\n'
    assert hook.turn_links(text, 'docs/page.md', 'page.md') == text
    assert list(hook.linked_files('docs/page.md', text)) == []


@pytest.mark.parametrize(
    ('path', 'place'),
    [
        ('docs/tasks/od.md', 'tasks/od.md'),
        ('CONTRIBUTING.md', 'repository/CONTRIBUTING.md'),
        ('configs/uninext/README.md', 'repository/configs/uninext/README.md'),
        (
            'configs/uninext/stage2_image.py',
            'repository/configs/uninext/stage2_image.py.md',
        ),
        ('LICENSE', 'repository/LICENSE.md'),
    ],
)
def test_files_have_a_place(hook, path, place):
    assert hook.place_of(path) == place
    assert hook.path_of(place) == path


def test_links_out_of_the_docs_are_turned(hook):
    text = '[a](../../LICENSE) [b](../../CONTRIBUTING.md#tests) [c](sot.md) [d](#e)'
    assert hook.turn_links(text, 'docs/tasks/od.md', 'tasks/od.md') == (
        '[a](../repository/LICENSE.md) [b](../repository/CONTRIBUTING.md#tests) '
        '[c](sot.md) [d](#e)'
    )


def test_links_of_files_of_the_repository_lead_to_the_docs(hook):
    text = '[a](../../docs/training.md) [b](stage2_image.py) [c](https://a.b/c.md)'
    path = 'configs/uninext/README.md'
    assert hook.turn_links(text, path, hook.place_of(path)) == (
        '[a](../../../training.md) [b](stage2_image.py.md) [c](https://a.b/c.md)'
    )
    assert list(hook.linked_files(path, text)) == ['configs/uninext/stage2_image.py']


def test_link_to_nowhere_is_a_warning(hook, caplog):
    text = '[a](../nowhere.md)'
    with caplog.at_level(logging.WARNING):
        assert hook.turn_links(text, 'docs/page.md', 'page.md') == text
    assert 'docs/page.md links to ../nowhere.md' in caplog.text


@pytest.mark.parametrize('page', pages())
def test_no_link_is_dead(hook, page, caplog):
    """What a strict build finds too, without MkDocs."""
    text = (ROOT / page).read_text(encoding='utf-8')
    with caplog.at_level(logging.WARNING):
        hook.turn_links(text, page, hook.place_of(page))
    assert not caplog.records, caplog.text
    for target in re.findall(r'\]\(([^)#\s:]+)(?:#[^)\s]*)?\)', hook_free(text)):
        assert ((ROOT / page).parent / target).is_file(), f'{page}: {target}'


def hook_free(text: str) -> str:
    """A page without its code."""
    text = re.sub(r'^(`{3,}).*?^\1$', '', text, flags=re.M | re.S)
    return re.sub(r'`[^`\n]+`', '', text)


def test_files_are_shown_as_code(hook):
    shown = hook.page_of_file('configs/a.py', '_base_ = []\n\n')
    assert shown == '# configs/a.py\n\n````python\n_base_ = []\n````\n'
    assert hook.page_of_file('a.md', '# A\n') == '# A\n'
    assert '````text' in hook.page_of_file('LICENSE', 'words')


# ------------------------------------------------------------------- with MkDocs here


def test_linked_files_become_pages(hook):
    pytest.importorskip('mkdocs', reason='requirements/docs.txt is not installed')
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import File, Files

    site = MkDocsConfig(str(ROOT / 'mkdocs.yml'))
    site.load_dict(dict(site_name='a', docs_dir=str(DOCS)))
    site.validate()
    site.plugins._current_plugin = None  # as while hooks run
    page = File.generated(site, 'a.md', content='[a](../configs/uninext/README.md)')
    added = {file.src_uri for file in hook.on_files(Files([page]), site)}
    assert {'repository/configs/uninext/README.md', 'repository/CHANGELOG.md'} <= added
    assert 'repository/configs/uninext/stage2_image.py.md' in added, (
        'what links link to'
    )


def test_docstrings_are_put_in_the_words_of_griffe():
    pytest.importorskip('griffe', reason='requirements/docs.txt is not installed')
    module = load_tool('docs/_hooks/docstrings.py')
    assert module.rewritten('') == ''
    text = 'Find :class:`~a.B`.\n\nExample:\n    >>> b\n'
    assert module.rewritten(text) == 'Find `a.B`.\n\nExamples:\n    >>> b\n'
