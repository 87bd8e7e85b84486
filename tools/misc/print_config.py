r"""Print a config as it is resolved, or what differs from another.

Examples:
    python tools/misc/print_config.py configs/uninext/stage2_image.py --key model
    python tools/misc/print_config.py configs/uninext/stage2_image_convnext-l.py \
        --diff configs/uninext/stage2_image.py
    python tools/misc/print_config.py configs/uninext/stage2_image.py \
        --cfg-options train_cfg.max_iters=100 --out resolved.py
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

from uninext.cli.common import read_config, run_tool

if TYPE_CHECKING:
    from mmengine import Config

ABSENT = object()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument('config', help='path or name of a config')
    parser.add_argument(
        '--diff', metavar='OTHER', help='print only what CONFIG changes of OTHER'
    )
    parser.add_argument(
        '--key', metavar='A.B', help='a part only, e.g. model.decoder or val_evaluator'
    )
    parser.add_argument('--out', help='write it to this .py file as well')
    parser.add_argument(
        '--cfg-options', nargs='+', metavar='KEY=VALUE', help='override entries first'
    )


def run(args: argparse.Namespace) -> None:
    """Print the config, or the difference."""
    if args.diff and args.out:
        raise ValueError('--out writes a whole config: leave out --diff.')
    part = part_of(read_config(args.config, args.cfg_options), args.key)
    if args.diff:
        other = part_of(read_config(args.diff), args.key)
        print('\n'.join(differences(other, part)) or 'no difference')
        return
    text = _text(part, args.key)
    if args.out:
        from uninext.utils.files import replacing

        with replacing(args.out) as path:
            path.write_text(text, encoding='utf-8')
    print(text, end='')


def part_of(cfg: Config, key: str | None) -> Any:
    """The value of a dotted key; numbers are places in lists.

    Raises:
        ValueError: If there is no such key; it names those that are there.
    """
    part: Any = cfg.to_dict()
    for name in key.split('.') if key else ():
        if isinstance(part, (list, tuple)) and name.isdigit() and int(name) < len(part):
            part = part[int(name)]
        elif isinstance(part, dict) and name in part:
            part = part[name]
        else:
            raise ValueError(
                f'The config has no {key!r}: no {name!r} in {_told(part)}.'
            )
    return part


def _told(part: Any) -> str:
    if isinstance(part, dict):
        return str(list(part))
    return f'{len(part)} entries' if isinstance(part, (list, tuple)) else repr(part)


def differences(old: Any, new: Any) -> list[str]:
    """A line an entry that differs, both for what changed.

    ``- key: value`` of what is not in ``new``, ``+ key: value`` of what is not in
    ``old``.
    """
    before, after = dict(_entries(old)), dict(_entries(new))
    lines = []
    for key in dict.fromkeys((*before, *after)):
        was, now = before.get(key, ABSENT), after.get(key, ABSENT)
        if type(was) is type(now) and was == now:
            continue
        lines += [f'- {key}: {was!r}'] if was is not ABSENT else []
        lines += [f'+ {key}: {now!r}'] if now is not ABSENT else []
    return lines


def _entries(value: Any, prefix: str = '') -> Iterator[tuple[str, Any]]:
    """Dotted keys and what is no dict; dicts in lists are looked into too."""
    if isinstance(value, dict) and value:
        items = [(str(key), part) for key, part in value.items()]
    elif isinstance(value, (list, tuple)) and any(isinstance(v, dict) for v in value):
        items = [(str(i), part) for i, part in enumerate(value)]
    else:
        yield prefix, value
        return
    for key, part in items:
        yield from _entries(part, f'{prefix}.{key}' if prefix else key)


def _text(part: Any, key: str | None) -> str:
    from mmengine import Config

    name = key.rsplit('.', 1)[-1] if key else ''
    if not key:
        return Config(part).pretty_text
    name = f'entry_{name}' if name.isdigit() else name
    return Config({name: part}).pretty_text


main = partial(run_tool, __doc__, add_arguments, run)

if __name__ == '__main__':
    sys.exit(main())
