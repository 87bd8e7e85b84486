"""Commands of the docs, checked against the parsers and files that they are meant for.

A command line enters; nothing happens, or an error says what is wrong with it.
"""

from __future__ import annotations

import argparse
import contextlib
import glob
import importlib.util
import io
import re
import shlex
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from mmengine.config import Config

from uninext.cli.command import main as uninext_main

from .doc_blocks import ROOT, Block, all_blocks
from .tools import load_tool

PYTHONS = ('python', 'python3', '.venv/bin/python')
OF_THE_REPOSITORY = re.compile(
    r'(configs|tools|docs|uninext|tests|demo|requirements|\.ci)/[\w./*-]+'
)
PLACEHOLDER = re.compile(r'\b(?!README)[A-Z_]{3,}\b')  # what the reader puts in
LAUNCHERS = {  # script -> (how many words are its own, what the others are given to)
    'tools/dist_train.sh': ('CONFIG N', 'train'),
    'tools/dist_test.sh': ('CONFIG CHECKPOINT N', 'test'),
    'tools/slurm_train.sh': ('PARTITION JOB CONFIG WORK_DIR', 'train'),
    'tools/slurm_test.sh': ('PARTITION JOB CONFIG CHECKPOINT', 'test'),
}
# Commands that are not ours; what they are given is not looked at.
FOREIGN = {
    *('cd', 'source', 'export', 'mkdir', 'ln', 'ls', 'cat', 'head', 'tail', 'git'),
    *('unzip', 'tensorboard', 'sbatch', 'squeue', 'nvidia-smi', 'free', 'eval'),
}

OUTPUTS = ('--out', '--page', '--show-dir', '--work-dir')
# Files that the reader is told to write.
_SHOWN = {block.file_name for block in all_blocks()}


class WrongCommand(AssertionError):
    """What is wrong with a command of the docs."""


class _Parsed(BaseException):
    """Leaves a script as soon as its arguments are parsed."""


def commands_of(code: str) -> Iterator[list[str]]:
    """Single commands of a block, as words; comments are dropped.

    Args:
        code: Content of a block of shell commands.
    """
    for line in code.replace('\\\n', ' ').splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
        lexer.wordchars += '{}[],:@%+'
        lexer.whitespace_split = True
        words: list[str] = []
        for token in [*lexer, '&&']:
            if token not in ('&&', '|', ';', '||'):
                words.append(token)
                continue
            if words:
                yield _plain(words)
            words = []


def _plain(words: Sequence[str]) -> list[str]:
    """Without variables before it and redirections behind it."""
    words = list(words)
    while words and re.fullmatch(r'[A-Z_]+=.*', words[0]):
        words.pop(0)
    for sign in ('>', '>>', '<'):
        if sign in words:
            words = words[: words.index(sign)]
    return words


def check_command(words: Sequence[str]) -> None:
    """Check one command.

    Raises:
        WrongCommand: If there is no such command, option, choice, file or entry of a
            config.
    """
    if not words:
        return
    for before, word in zip(['', *words], words):
        if before not in OUTPUTS:
            _check_files(word, words)
    program, *rest = words
    if program in LAUNCHERS:
        _check_launcher(program, rest)
    elif program.startswith('--'):
        _check_options(words)
    elif program == 'make':
        _check_make(rest)
    elif program == 'pip':
        _check_pip(rest)
    elif program in ('torchrun', 'srun'):
        at = next((i for i, word in enumerate(rest) if word.endswith('.py')), None)
        if at is None:
            raise WrongCommand(f'{shlex.join(words)}: which script?')
        _parse(entry_of(['python', *rest[at:]]), rest[at + 1 :])
    elif program in PYTHONS or program == 'uninext':
        _check_python(words)
    elif program not in FOREIGN and not (ROOT / program).is_file():
        raise WrongCommand(f'{shlex.join(words)}: {program} is not known to the tests')


def _check_files(word: str, words: Sequence[str]) -> None:
    """Whether the files of the repository that a word names are there."""
    for match in OF_THE_REPOSITORY.finditer(word):
        path = match[0]
        is_start = match.start() == 0 or word[match.start() - 1] in '=\'"['
        if not is_start or PLACEHOLDER.search(path) or path in _SHOWN:
            continue
        # The name of a config, 'uninext/stage3_video.py', starts below configs/.
        if not any(glob.glob(str(root / path)) for root in (ROOT, ROOT / 'configs')):
            raise WrongCommand(f'{shlex.join(words)}: there is no {path}')


def entry_of(words: Sequence[str]) -> Callable[[list[str]], int] | None:
    """The function that a command calls; None for what is not ours.

    Args:
        words: ``uninext ...`` or ``python SCRIPT ...``.
    """
    if words[0] == 'uninext':
        return uninext_main
    if words[0] not in PYTHONS or words[1].startswith('-'):
        return None
    if not (ROOT / words[1]).is_file():
        raise WrongCommand(f'There is no script {words[1]}.')
    module = load_tool(words[1])
    if not hasattr(module, 'main'):
        raise WrongCommand(f'{words[1]} has no main(argv).')
    return module.main


def arguments_of(words: Sequence[str]) -> list[str]:
    """What the entry of a command is given."""
    return list(words[1:] if words[0] == 'uninext' else words[2:])


def type_in(block: Block, names: dict[str, Any]) -> None:
    """Do with a block what a reader does who types the page.

    Args:
        block: Of Python or of our own commands.
        names: What the Python blocks before it have defined.
    """
    code = block.tested_code()
    if block.file_name:
        path = Path(block.file_name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(code)
    elif block.language == 'python':
        exec(compile(code, str(block), 'exec'), names)
    elif block.language == 'bash':
        for words in commands_of(code):
            assert not entry_of(words)(arguments_of(words)), words


def _check_python(words: Sequence[str]) -> None:
    if words[0] in PYTHONS and words[1] == '-c':
        compile(words[2], '<docs>', 'exec')
        return
    if words[0] in PYTHONS and words[1] == '-m':
        if importlib.util.find_spec(words[2].split('.')[0]) is None:
            raise WrongCommand(f'{shlex.join(words)}: there is no module {words[2]}')
        return
    entry = entry_of(words)
    if entry is None:
        raise WrongCommand(f'{shlex.join(words)}: which script?')
    _check_config_options(_parse(entry, arguments_of(words)))


def _parse(entry: Callable, argv: list[str]) -> argparse.Namespace:
    """Arguments as the real parser reads them; nothing is run."""
    original = argparse.ArgumentParser.parse_args

    def stop(self, args=None, namespace=None):
        raise _Parsed(original(self, args, namespace))

    argparse.ArgumentParser.parse_args = stop
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
            entry(argv)
    except _Parsed as parsed:
        return parsed.args[0]
    except SystemExit as left:
        if not left.code:
            return argparse.Namespace()  # --help, --version
        last = said.getvalue().strip().splitlines()[-1:]
        raise WrongCommand(f'{shlex.join(argv)}: {last}') from None
    finally:
        argparse.ArgumentParser.parse_args = original
    raise WrongCommand(f'{shlex.join(argv)}: its arguments are never parsed')


def _check_launcher(script: str, rest: list[str]) -> None:
    names, command = LAUNCHERS[script][0].split(), LAUNCHERS[script][1]
    own, others = rest[: len(names)], rest[len(names) :]
    while own and own[-1].startswith('-'):  # WORK_DIR may be left out
        others.insert(0, own.pop())
    missing = [name for name in names[len(own) :] if name != 'WORK_DIR']
    if missing:
        raise WrongCommand(f'{script} lacks {missing}')
    if 'N' in names and not re.fullmatch(r'\d+|[A-Z_]+', own[names.index('N')]):
        raise WrongCommand(f'{script} takes a number of processes, got {own}')
    positional = [own[names.index('CONFIG')]]
    if command == 'test':
        positional.append(own[names.index('CHECKPOINT')])
    args = _parse(uninext_main, [command, *positional, *others])
    _check_config_options(args)


def _check_options(words: Sequence[str]) -> None:
    """Options alone, to be added to a training or a test."""
    try:
        _parse(uninext_main, ['train', 'CONFIG', *words])
    except WrongCommand:
        _parse(uninext_main, ['test', 'CONFIG', 'CHECKPOINT', *words])


def _check_make(rest: Sequence[str]) -> None:
    targets = set(re.findall(r'^([\w-]+):', (ROOT / 'Makefile').read_text(), re.M))
    for word in rest:
        if '=' not in word and word not in targets:
            raise WrongCommand(f'make has no target {word!r}; it has {sorted(targets)}')


def _check_pip(rest: Sequence[str]) -> None:
    for option, value in zip(rest, rest[1:]):
        if option in ('-r', '-c') and not (ROOT / value).is_file():
            raise WrongCommand(f'pip: there is no {value}')


def _check_config_options(args: argparse.Namespace) -> None:
    """Whether ``--cfg-options`` change what the config has."""
    options = getattr(args, 'cfg_options', None) or []
    path = ROOT / str(getattr(args, 'config', None))
    if not options or not path.is_file():
        return
    config = Config.fromfile(path)
    for option in options:
        key, sign, _ = option.partition('=')
        if not sign:
            raise WrongCommand(f'--cfg-options takes KEY=VALUE, got {option!r}')
        _check_key(config, key, path)


def _check_key(config: Config, key: str, path: Path) -> None:
    """The dictionary that a key is in must be there; the key itself may be new."""
    *parents, _ = key.split('.')
    value = config
    for parent in parents:
        try:
            value = value[int(parent)] if isinstance(value, list) else value[parent]
        except (KeyError, IndexError, TypeError, ValueError):
            raise WrongCommand(f'{path.name} has no {parent!r} of {key!r}') from None
