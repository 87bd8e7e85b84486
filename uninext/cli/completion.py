"""``uninext completion``: what a shell reads to complete commands on the TAB key."""

from __future__ import annotations

import argparse

DESCRIPTION = 'Print what a shell reads to complete uninext on the TAB key.'
EXAMPLES = """\
for this shell:
  eval "$(uninext completion bash)"     # or zsh
  uninext completion fish | source
for every new one: the same line in ~/.bashrc or ~/.zshrc, or
  uninext completion fish > ~/.config/fish/completions/uninext.fish
"""
SHELLS = ('bash', 'zsh', 'fish')
VARIABLE = '_ARGCOMPLETE'  # set by the shell when TAB is pressed


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of completion."""
    parser.epilog = EXAMPLES
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument('shell', choices=SHELLS, help='the shell you use')


def run(args: argparse.Namespace) -> None:
    """Print the code."""
    try:
        import argcomplete
    except ImportError as error:
        raise ImportError(
            f'Completion needs argcomplete ({error}): pip install argcomplete'
        ) from error
    print(argcomplete.shellcode(['uninext'], shell=args.shell))


def complete(parser: argparse.ArgumentParser) -> None:
    """Answer the shell if it asks, and end the process; else do nothing."""
    import argcomplete

    argcomplete.autocomplete(parser)
