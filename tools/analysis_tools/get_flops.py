r"""Count parameters and floating point operations of a network, part by part.

Of one image and its prompts; texts are encoded anew. Masks are made of the most
instances that the predictor reports.

Examples:
    python tools/analysis_tools/get_flops.py configs/uninext/stage2_image.py
    python tools/analysis_tools/get_flops.py configs/uninext/stage2_image_tiny.py \
        --size 320 320 --expression 'the red circle left of the blue star'
"""

from __future__ import annotations

import argparse
import sys
from functools import partial

from uninext.cli.common import run_tool
from uninext.cli.measuring import (
    add_model_arguments,
    add_prompt_arguments,
    build_inferencer,
    describe,
    prompts_of,
    random_image,
    size_of,
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    add_model_arguments(parser)
    add_prompt_arguments(parser)


def run(args: argparse.Namespace) -> None:
    """Count and print."""
    find, cfg = build_inferencer(args)
    size_hw = size_of(args, cfg)
    prompts = prompts_of(args, size_hw)
    from uninext.analysis.costs import NOT_COUNTED, costs_table, count_costs

    image = random_image(size_hw)
    parts = count_costs(
        find.model,
        lambda: find(image, score_thr=0.0, progress=False, **prompts),
    )
    print(f'{size_hw[1]} x {size_hw[0]} pixels, {describe(prompts)}\n')
    print(f'{costs_table(parts)}\n\n{NOT_COUNTED}')


main = partial(run_tool, __doc__, add_arguments, run)

if __name__ == '__main__':
    sys.exit(main())
