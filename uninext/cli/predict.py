"""``uninext predict``: files of what a model finds in images and videos."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
import time
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from uninext.cli.common import (
    EXIT_INCOMPLETE,
    EXIT_INTERRUPTED,
    add_model_options,
    speed_of,
)
from uninext.cli.interruption import Interruption
from uninext.cli.predict_bulk import add_bulk, is_bulk, run_bulk
from uninext.cli.predict_plan import (
    DEFAULT_FPS,
    DEFAULT_OUT,
    DEFAULT_SAVES,
    Job,
    jobs_of,
    label_root,
    left_out,
    output_folder,
    saves_for,
)
from uninext.cli.predict_prompts import add_prompts, given_prompts, given_thresholds
from uninext.cli.predict_report import Problems, Tally, summary
from uninext.utils.counts import check_score
from uninext.utils.defaults import MAX_FPS

if TYPE_CHECKING:
    import numpy as np

    from uninext.apis import UninextInferencer
    from uninext.apis.exports import PredictionFiles

DESCRIPTION = 'Find and track what is asked for in images and videos.'
EXAMPLES = """\
examples:
  everything that is a person or a car, in all images of a folder:
    uninext predict photos --categories 'person, car'
  one object, described; the expression may be repeated:
    uninext predict street.jpg --expression 'the man in red'
  a mask of what is in a box:
    uninext predict street.jpg --box 80 80 400 400
  track it, with all dogs besides, through a video:
    uninext predict video.mp4 --box 20 30 120 200 --categories dog
  apples, but no tomato that is taken for one:
    uninext predict photos --categories apple --exclude tomato
  labels to correct in CVAT, and to train on:
    uninext predict video.mp4 --categories dog --save video,cvat,ytvis
  what a photograph shows, in a video:
    uninext predict video.mp4 --shown-in photo.jpg --box 80 80 400 400
  a million images: tables of results, and a restart goes on:
    uninext predict 'crawl/**/*.jpg' --categories dog --shards parquet --out dogs
  prompts that come, are corrected and go at their frames:
    uninext predict video.mp4 --prompts prompts.json
  a camera, until Ctrl-C:
    uninext predict 0 --categories person --show --save none

Prompts of all kinds may be mixed: they share one pass of the network. A box or mask
shows its object in the first frame of a video, and in each image by itself; or all of
them in another image, --shown-in.
"""
ESCAPE = 27  # the key
# What is written, for --help, which may import nothing heavy; tests compare it with
# uninext.apis.exports.EXPORTS.
SAVES = {
    'images': 'annotated images, under their own names',
    'video': 'one annotated H.264 video each: NAME.mp4',
    'frames': 'annotated frames as images: NAME/000000.jpg',
    'json': 'all that was found: IMAGE.json; NAME.jsonl, a line a frame',
    'coco': 'coco_labels.json, a label set in COCO format; coco_results.json',
    'ytvis': 'ytvis_labels.json, a label set as of YouTube-VIS; ytvis_results.json',
    'mot': 'tracks as text of MOTChallenge: NAME.txt',
    'cvat': 'tracks as CVAT for video 1.1, to correct them there: NAME.xml',
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of predicting."""
    kinds = '\n'.join(f'  {name:<9} {text}' for name, text in SAVES.items())
    parser.epilog = f'what --save writes:\n{kinds}\n\n{EXAMPLES}'
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument(
        'source',
        nargs='+',
        metavar='SOURCE',
        help='image, video, folder, quoted pattern ("frames/*.jpg"), number of a '
        'camera, or address (rtsp://...); with --shards also a list of these '
        '(LIST.txt) or images in a Parquet file',
    )
    add_prompts(parser.add_argument_group('what to look for (at least one)'))
    _add_model(parser.add_argument_group('with which model'))
    _add_output(parser.add_argument_group('what to write'))
    add_bulk(parser.add_argument_group('many sources, results in shards'))


def _add_model(group: Any) -> None:
    add_model_options(group)
    group.add_argument(
        '--scale',
        nargs=2,
        type=int,
        metavar=('LONG', 'SHORT'),
        help='sides that images are resized to; default: those that the config '
        'evaluates its model at',
    )
    group.add_argument(
        '--batch-size',
        type=int,
        default=1,
        metavar='N',
        help='images of one size that go through the network together; changes no '
        'result; default %(default)s',
    )
    group.add_argument(
        '--as-video',
        action=argparse.BooleanOptionalAction,
        help='track through the images of a folder; or take each frame of a video '
        'by itself',
    )
    group.add_argument(
        '--strict',
        action='store_true',
        help='stop at the first image or video that is damaged; default: leave it '
        'out, go on, and leave with status 3',
    )
    group.add_argument(
        '--limit',
        type=int,
        metavar='N',
        help='stop after so many images, or frames of each video',
    )


def _add_output(group: Any) -> None:
    group.add_argument(
        '--out',
        type=Path,
        metavar='DIR',
        help=f'new or empty folder; default: {DEFAULT_OUT}, {DEFAULT_OUT}-2, ..., the '
        'first that is free',
    )
    group.add_argument(
        '--overwrite',
        action='store_true',
        help='write into --out even if it is not empty, and replace files of one name',
    )
    group.add_argument(
        '--save',
        type=_save_names,
        metavar='KINDS',
        help='what to write, separated by commas (see below), or none; default '
        f'{",".join(DEFAULT_SAVES)}, what suits',
    )
    group.add_argument(
        '--fps',
        type=float,
        help='of the written video; default: the times of the source, '
        f'{DEFAULT_FPS:g} frames a second where it has none',
    )
    group.add_argument(
        '--show', action='store_true', help='show results in a window; q closes it'
    )
    group.add_argument(
        '--quiet', action='store_true', help='no progress bar and no summary'
    )


def _save_names(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(',') if name.strip())
    if names == ('none',):
        return ()
    unknown = [name for name in names if name not in SAVES]
    if unknown or not names:
        raise argparse.ArgumentTypeError(
            f'there is no export {", ".join(unknown) or repr(text)}; choose from '
            f'{", ".join(SAVES)}, or none'
        )
    return names


def run(args: argparse.Namespace) -> int:
    """Predict as the arguments say.

    Returns:
        0; 3 if a part of the sources could not be used; 130 after Ctrl-C.
    """
    _check(args)  # before seconds are spent on imports
    if is_bulk(args):
        return run_bulk(args)
    from uninext.apis import SourceWarning
    from uninext.apis.exports import OutputFolder, PredictionFiles
    from uninext.apis.thresholds import all_thresholds

    jobs = jobs_of(args.source, args.as_video, args.fps)
    images = next((j for j in jobs if not j.origin.is_tracked), None)
    if args.prompts and images:
        raise ValueError(
            f'--prompts is of frames of a video, and {images.origin.name} holds '
            'images. Give videos, or --as-video to track through the images of a '
            'folder.'
        )
    saves = saves_for(args.save, jobs)
    out = output_folder(args.out, args.overwrite, args.source)
    with Problems(args.strict or len(jobs) == 1, args.strict) as problems:
        prompts = given_prompts(args)
        find = _build_inferencer(args)
        folder, tally = OutputFolder(out, label_root(jobs)), Tally()
        error = None
        with Interruption() as stop, PredictionFiles(folder, saves) as files:
            try:
                for job in jobs:
                    with problems.of_a_job():
                        _predict(find, job, prompts, args, files, tally, stop)
            except KeyboardInterrupt:
                stop.came = True
            except (ValueError, OSError, SourceWarning) as caught:
                error = caught  # what was found until then is kept
        if not args.quiet:
            thresholds = all_thresholds(given_thresholds(args), find.thresholds)
            lines = summary(tally, folder, thresholds['category'], stop.came)
            print('\n'.join([*lines, *problems.lines(), *left_out(args.source)]))
        if error is None and problems.messages and not tally.numbers:
            error = ValueError(f'No source could be used: {problems.messages[0]}')
        if error is not None:
            raise error
    if stop.came:
        return EXIT_INTERRUPTED
    return EXIT_INCOMPLETE if problems.messages else 0


def _check(args: argparse.Namespace) -> None:
    asked = args.categories, args.expression, args.box, args.mask, args.prompts
    if not any(asked):
        raise ValueError(
            "Nothing to look for. Give --categories 'person, car', --expression 'the "
            "man in red', --box X1 Y1 X2 Y2, --mask FILE or, of a video, --prompts "
            'FILE; all may be mixed.'
        )
    for name in ('limit', 'batch_size', 'max_objects', 'keep_lost'):
        value = getattr(args, name)
        if value is not None and value < 1:
            option = name.replace('_', '-')
            raise ValueError(f'--{option} must be at least 1, got {value}.')
    if args.fps is not None and not 0 < args.fps <= MAX_FPS:
        raise ValueError(f'--fps must be in 0..{MAX_FPS}, got {args.fps:g}.')
    if args.init_score_thr is not None:
        check_score(args.init_score_thr, '--init-score-thr')
    given_thresholds(args)
    screens = ('DISPLAY', 'WAYLAND_DISPLAY')
    if args.show and sys.platform == 'linux' and not any(map(os.environ.get, screens)):
        raise ValueError(
            '--show needs a screen, and DISPLAY is not set. Leave it out: images and '
            'videos are written to --out.'
        )


def _build_inferencer(args: argparse.Namespace) -> UninextInferencer:
    from uninext.apis import UninextInferencer

    given = speed_of(args)
    if args.scale is not None:
        given['scale'] = tuple(args.scale)
    return UninextInferencer(args.model, args.checkpoint, args.device, **given)


def _predict(
    find: UninextInferencer,
    job: Job,
    prompts: dict[str, Any],
    args: argparse.Namespace,
    files: PredictionFiles,
    tally: Tally,
    stop: Interruption,
) -> None:
    """Send a job through the network, and write what is found."""
    if stop.wanted:
        return
    results = find(
        job.source,
        **prompts,
        score_thr=given_thresholds(args),
        max_objects=args.max_objects,
        keep_lost=args.keep_lost if job.origin.is_tracked else None,
        init_score_thr=args.init_score_thr if job.origin.is_tracked else None,
        batch_size=args.batch_size,
        as_video=job.origin.is_tracked,
        on_error='raise' if args.strict else 'skip',
        stream=True,
        progress=False if args.quiet else None,
    )
    with contextlib.closing(results):
        start = time.perf_counter()
        for number, result in enumerate(islice(results, args.limit)):
            found = time.perf_counter()
            if not number:  # now it is known that the source can be read
                files.begin(job.origin)
            plot = files.add(result)
            if args.show and not _show(plot()):
                stop.window_closed = True
            tally.add(job, result, found - start, time.perf_counter() - start)
            start = time.perf_counter()
            if stop.wanted:
                return


def _show(image: np.ndarray) -> bool:
    """Show an image in a window of OpenCV; False if the user wants no more."""
    import cv2

    try:
        cv2.imshow('uninext (q: close)', image)
        return cv2.waitKey(1) not in (ord('q'), ESCAPE)
    except cv2.error as error:
        raise ValueError(
            f'--show cannot open a window here ({error.err}). Leave it out: images and '
            'videos are written to --out.'
        ) from error
