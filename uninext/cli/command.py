"""The command ``uninext``: one door to the commands of ``uninext.cli``."""

from __future__ import annotations

import argparse
import os

from uninext.cli import (
    calibrate,
    check_data,
    completion,
    convert,
    demo,
    doctor,
    evaluate,
    export,
    info,
    label,
    label_studio,
    predict,
    shapes,
    test,
    train,
)
from uninext.cli.common import run_command
from uninext.version import __version__

COMMANDS = {
    'predict': predict,
    'label': label,
    'label-studio': label_studio,
    'train': train,
    'test': test,
    'eval': evaluate,
    'calibrate': calibrate,
    'check-data': check_data,
    'convert': convert,
    'export': export,
    'shapes': shapes,
    'demo': demo,
    'doctor': doctor,
    'info': info,
    'completion': completion,
}
EXAMPLES = """\
first steps:
  uninext doctor                                   what is installed, does it work
  uninext predict photos --categories 'person'     find everything with a name
  uninext demo                                     the same in the browser
  uninext COMMAND --help                           options and examples
"""


def build_parser() -> argparse.ArgumentParser:
    """Build the parser with one subcommand per entry of ``COMMANDS``."""
    parser = argparse.ArgumentParser(
        prog='uninext',
        description='Find and track instances in images and videos by prompt.',
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument('--version', action='version', version=__version__)
    commands = parser.add_subparsers(dest='command', metavar='COMMAND', required=True)
    for name, module in COMMANDS.items():
        command = commands.add_parser(
            name, help=module.DESCRIPTION, description=module.DESCRIPTION
        )
        module.add_arguments(command)
        command.set_defaults(run=module.run)
    return parser


def main(argv: list[str] | None = None) -> int:
    """Run the command line; the exit status."""
    parser = build_parser()
    if completion.VARIABLE in os.environ:
        completion.complete(parser)
    args = parser.parse_args(argv)
    return run_command(args.run, args)
