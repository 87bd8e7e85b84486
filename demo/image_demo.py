"""Train a small UNINEXT for minutes, judge it, and draw what it finds.

Without --data on a generated set of shapes and sentences; with --data on your folder of
COCO format (layouts: uninext/fine_tuning/folder.py).

Example:
    python demo/image_demo.py --data my_folder --iters 500
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from uninext.cli.common import UserError, user_errors

ROOT = Path(__file__).resolve().parents[1]
CONFIG = ROOT / 'configs/uninext/stage2_image_tiny.py'
# Sizes that fit the time.
NUM_TRAIN, NUM_VAL, NUM_SENTENCES, NUM_PICTURES = 240, 24, 60, 8
SCORE_THRESHOLD = 0.44  # of what is drawn; after so short a run all scores are alike
LEARNING_RATE = 5e-4  # a short run takes larger steps than the config's long one
SHOWN = ('coco/bbox_mAP', 'coco/bbox_mAP_50', 'coco/segm_mAP', 'coco/segm_mAP_50')
SHOWN_SENTENCES = ('refexp/bbox_P@0.5', 'refexp/segm_P@0.5', 'refexp/segm_oIoU')


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--data', metavar='DIR', help='your folder of COCO format')
    parser.add_argument('--out', default='demo_output', help='folder of the results')
    parser.add_argument('--iters', type=int, default=220, help='training iterations')
    parser.add_argument('--config', default=str(CONFIG), help='config to train')
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Run the demo; 2 if something the user gave cannot be used."""
    args = parse_args(argv)
    start = time.time()
    try:
        with user_errors():
            run(args)
    except UserError as error:
        return int(error.code or 0)
    print(f'Done in {(time.time() - start) / 60:.1f} minutes.')
    return 0


def run(args: argparse.Namespace) -> None:
    """Find or generate the data, train, judge, draw, and say what to look at."""
    out = Path(args.out)
    data = args.data
    if data is None:
        data = out / 'shapes'
        print(f'[1/4] Generating {NUM_TRAIN} + {NUM_VAL} pictures in {data}')
        from uninext.shapes import generate_image_set

        generate_image_set(data, NUM_TRAIN, NUM_VAL)
    else:
        print(f'[1/4] Reading {data}')
    from uninext.fine_tuning.folder import find_coco_folder

    folder = find_coco_folder(data, out / 'split')
    from mmengine.config import Config

    from uninext.fine_tuning import draw_predictions, short_training

    print(f'[2/4] Training for {args.iters} iterations')
    cfg = Config.fromfile(args.config)
    cfg = short_training.point_config_at(
        cfg, folder, out / 'run', args.iters, max_sentences=NUM_SENTENCES
    )
    cfg.optim_wrapper.optimizer.lr = LEARNING_RATE
    runner = short_training.train_shortly(cfg)
    cfg.dump(out / 'config.py')
    print('[3/4] Judging')
    figures = short_training.evaluate_short_training(runner)
    print('[4/4] Drawing')
    dataset = runner.val_loop.dataloader.dataset
    datasets = getattr(dataset, 'datasets', [dataset])
    sheet = draw_predictions(
        runner.model, datasets, out / 'pictures', NUM_PICTURES, SCORE_THRESHOLD
    )
    _report(figures, out, sheet, args.iters)


def _report(figures: dict[str, float], out: Path, sheet: Path, iters: int) -> None:
    names = {'bbox': 'boxes', 'segm': 'masks'}
    print(f'\nAfter {iters} iterations, on pictures that were held out:')
    for key in (*SHOWN, *SHOWN_SENTENCES):
        if key in figures:
            task, name = key.split('/')
            kind, figure = name.split('_', 1)
            asked = 'category names' if task == 'coco' else 'sentences'
            label = f'{figure} of {names[kind]}, asked by {asked}'
            print(f'  {label:<45} {100 * figures[key]:5.1f} %')
    print(f'\nLook at   {sheet}\n          (left: the truth, right: what was found)')
    print('Go on with')
    print(f'  more iterations:    {sys.executable} demo/image_demo.py --iters 2000')
    print(f'  your own pictures:  {sys.executable} demo/image_demo.py --data FOLDER')
    checkpoint = f'{out}/run/iter_{iters}.pth'
    print(
        f'  test this model:    {sys.executable} tools/test.py {out}/config.py '
        f'{checkpoint} --show-dir seen'
    )


if __name__ == '__main__':
    sys.exit(main())
