"""Every code block of the docs does what the reader is told it does."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from mmengine.config import Config

from helpers.doc_blocks import LANGUAGES, ROOT, Block, all_blocks, blocks_of, pages
from helpers.doc_commands import (
    WrongCommand,
    arguments_of,
    check_command,
    commands_of,
    entry_of,
)

BLOCKS = all_blocks()
PARSERS = {'json': json.loads, 'yaml': yaml.safe_load}


def of_language(*languages: str) -> list[str]:
    """Pages that have a block in one of these languages."""
    return list(dict.fromkeys(b.page for b in BLOCKS if b.language in languages))


# ------------------------------------------------------------------------- collecting


def test_page_without_blocks_has_none():
    assert blocks_of('page.md', '') == []
    assert blocks_of('page.md', 'Words and `code`.\n') == []


def test_block_knows_its_place_language_and_notes():
    text = (
        'Words.\n\n<!-- not run: needs 16 GPUs -->\n<!-- tested with: 16 -> 2 -->\n\n'
        '```bash\nrun 16\n```\n- a list\n  ```python\n  a = 1\n  ```\n'
        '````text\n```python\n````\n'
    )
    bash, python, shown = blocks_of('page.md', text)
    assert (bash.line, bash.language, bash.code) == (6, 'bash', 'run 16\n')
    assert bash.not_run == 'needs 16 GPUs'
    assert bash.tested_code() == 'run 2\n'
    assert (python.line, python.code, python.not_run) == (10, 'a = 1\n', None)
    assert (shown.language, shown.code) == ('text', '```python\n')


def test_note_that_replaces_nothing_is_an_error():
    block = Block('page.md', 1, 'bash', 'run 16\n', ('tested with: 8 -> 2',))
    with pytest.raises(ValueError, match="page.md:1 has no '8'"):
        block.tested_code()


def test_comment_of_another_paragraph_is_no_note():
    (block,) = blocks_of('page.md', '<!-- not run: no -->\n\nWords.\n\n```text\n```\n')
    assert block.notes == ()


def test_all_pages_are_looked_at():
    assert len(pages()) > 15
    assert {'README.md', 'docs/inference.md', 'CONTRIBUTING.md'} <= set(pages())
    assert len(BLOCKS) > 60


@pytest.mark.parametrize('page', pages())
def test_fences_are_closed_and_languages_known(page):
    text = (ROOT / page).read_text(encoding='utf-8')
    fences = [line for line in text.splitlines() if line.lstrip().startswith('```')]
    blocks = blocks_of(page)
    inner = sum(b.code.count('\n```') + b.code.startswith('```') for b in blocks)
    assert len(fences) == 2 * len(blocks) + inner, f'{page}: a fence is not closed'
    for block in blocks:
        assert block.language in LANGUAGES, (
            f'{block}: the language {block.language!r} is not known to the tests. '
            f'Write one of {list(LANGUAGES)}; text is only shown.'
        )


def test_what_is_not_run_says_why(capsys):
    unrun = [block for block in BLOCKS if block.not_run is not None]
    with capsys.disabled():
        print(f'\n{len(BLOCKS)} blocks in the docs, not run:')
        for block in unrun:
            print(f'  {block}: {block.not_run}')
    for block in unrun:
        assert len(block.not_run.split()) >= 2, f'{block}: say why it cannot run'
    assert len(unrun) < len(BLOCKS) / 4


# ---------------------------------------------------------------------------- python


TYPED = 'docs/how_to/'  # whole pages are typed in test_how_to and test_add_dataset


@pytest.mark.parametrize(
    'page', [page for page in of_language('python') if not page.startswith(TYPED)]
)
def test_python_runs(page, reader):
    """In order, one namespace; configs are loaded, named files are written first."""
    names: dict = {'__name__': page}
    for block in blocks_of(page):
        if block.language != 'python':
            continue
        code = compile(block.tested_code(), str(block), 'exec')
        if block.is_config:
            path = Path(block.file_name or 'configs/uninext/of_the_docs.py')
            written(path, block)
            Config.fromfile(path)
        elif block.file_name:
            written(Path(block.file_name), block)
        elif block.not_run is None:
            exec(code, names)


def written(path: Path, block: Block) -> None:
    """Write a file that a page shows."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(block.tested_code())


# ---------------------------------------------------------------------------- commands


@pytest.mark.parametrize('page', of_language('bash'))
def test_commands_parse(page):
    for block in blocks_of(page):
        if block.language == 'bash':
            for words in commands_of(block.code):
                check_command(words)


RUN_BLOCKS = {  # one of those that several pages share
    b.tested_code(): b for b in BLOCKS if b.is_run and b.language == 'bash'
}


@pytest.mark.parametrize('block', RUN_BLOCKS.values(), ids=str)
def test_commands_run(block, reader):
    for words in commands_of(block.tested_code()):
        entry = entry_of(words)
        assert entry is not None, f'{block}: only our own commands are run'
        try:
            status = entry(arguments_of(words))
        except SystemExit as left:
            status = left.code
        assert not status, f'{block}: {words} ends with {status}'


@pytest.mark.parametrize(
    ('line', 'message'),
    [
        ('uninext fly', 'invalid choice'),
        ('uninext train CONFIG --fly', 'unrecognized arguments'),
        ('python tools/fly.py', 'there is no tools/fly.py'),
        ('python tools/test.py configs/uninext/fly.py CHECKPOINT', 'there is no conf'),
        ('tools/dist_train.sh CONFIG', "lacks .'N'"),
        ('tools/dist_train.sh CONFIG 8 --fly', 'unrecognized arguments'),
        ('--fly', 'unrecognized arguments'),
        ('make fly', 'no target'),
        ('pip install -r fly.txt', 'there is no fly.txt'),
        ('fly away', 'fly is not known'),
        ('python -m fly', 'no module fly'),
        ('A=1 uninext fly | head -3', 'invalid choice'),
        (
            'python tools/train.py configs/uninext/stage2_image.py '
            '--cfg-options modle.max_rows=2',
            "no 'modle'",
        ),
    ],
)
def test_wrong_command_is_found(line, message):
    with pytest.raises(WrongCommand, match=message):
        for words in commands_of(line):
            check_command(words)


def test_commands_are_taken_apart():
    code = (
        '# a comment\n\nA=1 uninext info > out  # shown\npython a.py \\\n  --b "c d"\n'
        'cd x && ls | head -n 3\n'
    )
    assert list(commands_of(code)) == [
        ['uninext', 'info'],
        ['python', 'a.py', '--b', 'c d'],
        ['cd', 'x'],
        ['ls'],
        ['head', '-n', '3'],
    ]


# ------------------------------------------------------------------------------- others


@pytest.mark.parametrize('page', of_language(*PARSERS))
def test_data_is_well_formed(page):
    for block in blocks_of(page):
        if block.language in PARSERS:
            assert PARSERS[block.language](block.code)
