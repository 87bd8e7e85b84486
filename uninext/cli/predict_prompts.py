"""What ``uninext predict`` is asked for: options, and prompts made of them."""

from __future__ import annotations

import argparse
from typing import Any

from uninext.cli.common import names_of
from uninext.utils.defaults import DEFAULT_THRESHOLDS, SCORE_THRESHOLD


def add_texts(group: Any) -> None:
    """Add the options of prompts in words."""
    group.add_argument(
        '--categories',
        action='append',
        metavar='NAMES',
        help='names, separated by commas: everything that is one of them; may be '
        'repeated',
    )
    group.add_argument(
        '--expression',
        action='append',
        metavar='EXPRESSION',
        help='one object, described; may be repeated',
    )
    group.add_argument(
        '--exclude',
        action='append',
        metavar='NAMES',
        help='names, separated by commas, of what must not be returned, as what is '
        'taken for a category by mistake; may be repeated',
    )
    group.add_argument(
        '--exclude-expression',
        action='append',
        metavar='EXPRESSION',
        help='one object that must not be returned, described; may be repeated',
    )


def add_prompts(group: Any) -> None:
    """Add the options of prompts and thresholds."""
    add_texts(group)
    group.add_argument(
        '--box',
        nargs=4,
        type=float,
        action='append',
        metavar=('X1', 'Y1', 'X2', 'Y2'),
        help='one object, shown by two corners, in pixels; may be repeated',
    )
    group.add_argument(
        '--mask',
        action='append',
        metavar='FILE',
        help='one object, shown by an image that is 0 outside of it, or several by a '
        'palette or by numbers; may be repeated',
    )
    group.add_argument(
        '--shown-in',
        metavar='IMAGE',
        help='another image, which --box and --mask are of; default: the first frame '
        'of a video, each image by itself',
    )
    group.add_argument(
        '--prompts',
        metavar='FILE',
        help='JSON of prompts of a video that come, are corrected and go at their '
        'frames (docs/command_line.md)',
    )
    group.add_argument(
        '--score-thr',
        action='append',
        metavar='[KIND=]S',
        help='leave out what has a lower score: of categories, or of a KIND, which is '
        'category, expression or target (boxes, masks); may be repeated; default: what '
        f'the checkpoint says, else {SCORE_THRESHOLD:g} of categories, and none of '
        'others, whose best prediction is reported',
    )
    group.add_argument(
        '--max-objects',
        type=int,
        metavar='N',
        help='most instances of the categories in an image or frame, the best; '
        'default: as the model says, 100 in images, any number in videos',
    )
    group.add_argument(
        '--keep-lost',
        type=int,
        metavar='N',
        help='frames of a video without an object of a category after which its id is '
        'given up; default: as the model says, 10',
    )
    group.add_argument(
        '--init-score-thr',
        type=float,
        metavar='S',
        help='what an object of a category must score to get an id in a video, and is '
        'enough to keep it; default: as the model says, 0.4 to get and 0.3 to keep it',
    )


def given_thresholds(args: argparse.Namespace) -> dict[str, float]:
    """Thresholds by kind of prompt, as the inferencer takes them.

    Raises:
        ValueError: If one is not in 0..1, or there is no such kind.
    """
    thresholds = {}
    for text in args.score_thr or ():
        kind, _, value = text.rpartition('=')
        kind = kind or 'category'
        try:
            thresholds[kind] = float(value)
        except ValueError:
            thresholds[kind] = -1
        if kind not in DEFAULT_THRESHOLDS or not 0 <= thresholds[kind] <= 1:
            raise ValueError(
                f'--score-thr must be in 0..1, got {text}; or KIND=S, of the kinds '
                f'{", ".join(DEFAULT_THRESHOLDS)}.'
            )
    return thresholds


def given_prompts(args: argparse.Namespace) -> dict[str, Any]:
    """Prompts as the inferencer takes them.

    Raises:
        ValueError: If something is no prompt.
    """
    from uninext.apis.images import load_image
    from uninext.apis.masks import load_mask
    from uninext.apis.prompt_files import read_prompt_steps
    from uninext.apis.prompts import asked_prompts, excluded_prompts

    prompts = dict(
        categories=names_of(args.categories),
        expression=args.expression,
        box=args.box,
        mask=load_mask(args.mask),
        shown_in=load_image(args.shown_in),
    )
    excluded = dict(
        exclude=names_of(args.exclude), exclude_expression=args.exclude_expression
    )
    # what is no prompt is refused before a model is built
    has_file = args.prompts is not None
    wanted = asked_prompts(**prompts, may_be_none=has_file)
    excluded_prompts(**excluded, wanted=wanted)
    if has_file:
        read_prompt_steps(args.prompts)
    return prompts | excluded | dict(prompts=args.prompts)
