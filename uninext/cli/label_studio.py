"""``uninext label-studio``: the model behind Label Studio, and videos out of it."""

from __future__ import annotations

import argparse
from pathlib import Path

from uninext.cli.common import add_model_options, speed_of
from uninext.utils.defaults import SCORE_THRESHOLD

DESCRIPTION = (
    'Serve a model to Label Studio: boxes, masks, tracks through videos; or read the '
    'videos that were labelled there.'
)
EXAMPLES = """\
examples:
  uninext label-studio --files photos
  uninext label-studio --media ~/.local/share/label-studio/media --port 9091
  tracks that people drew or corrected, to train on: export the project as "JSON"
    uninext label-studio --read export.json --files photos --out corrected
    uninext train --data corrected/labels.json

In the settings of a project, Model, connect http://localhost:9090. Label Studio must
run on this machine, and be allowed to call it: docs/label.md says how.
"""
DEFAULT_HOST, DEFAULT_PORT = '127.0.0.1', 9090
MAX_PORT = 65535


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the server."""
    parser.epilog = EXAMPLES
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    add_model_options(parser)
    parser.add_argument(
        '--files',
        type=Path,
        metavar='DIR',
        help='folder of local storage: LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT',
    )
    parser.add_argument(
        '--media',
        type=Path,
        metavar='DIR',
        help='folder "media" of the data of Label Studio, for what was uploaded to it',
    )
    parser.add_argument(
        '--read',
        type=Path,
        metavar='EXPORT',
        help='serve nothing: write the videos of an export to --out, labels.json as of '
        'YouTube-VIS, and the frames',
    )
    parser.add_argument(
        '--out',
        type=Path,
        metavar='DIR',
        help='of --read; new or empty',
    )
    parser.add_argument(
        '--score-thr',
        type=float,
        default=SCORE_THRESHOLD,
        metavar='S',
        help='leave out what has a lower score; default %(default)g',
    )
    parser.add_argument(
        '--host', default=DEFAULT_HOST, help='address to serve at; default %(default)s'
    )
    parser.add_argument(
        '--port', type=int, default=DEFAULT_PORT, help='default %(default)s'
    )


def run(args: argparse.Namespace) -> None:
    """Serve until Ctrl-C; or read an export."""
    folders = {'--files': args.files, '--media': args.media}
    if not any(folders.values()):
        raise ValueError('Give --files, the folder of local storage, or --media.')
    for option, folder in folders.items():
        if folder is not None and not folder.is_dir():
            raise ValueError(f'{option} {folder} is no folder.')
    if (args.read is None) != (args.out is None):
        raise ValueError('--read EXPORT and --out DIR belong together.')
    if args.read is not None:
        read(args.read, args.out, args.files, args.media)
        return
    if not 0 < args.port <= MAX_PORT:
        raise ValueError(f'--port must be in 1..{MAX_PORT}, got {args.port}.')
    from uninext.apis import UninextInferencer
    from uninext.apis.thresholds import checked_score_thr
    from uninext.labelling.backend import Backend
    from uninext.labelling.server import serve

    score_thr = checked_score_thr(args.score_thr)
    find = UninextInferencer(args.model, args.checkpoint, args.device, **speed_of(args))
    print(f'Label Studio may call http://{args.host}:{args.port}; Ctrl-C ends it')
    serve(Backend(find, args.files, args.media, score_thr), args.host, args.port)


def read(export: Path, out: Path, files: Path | None, media: Path | None) -> None:
    """Write the videos of an export, and say what was written."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ValueError(f'--out {out} is not empty. Give a new folder.')
    from uninext.labelling import write_drawn_videos

    done = write_drawn_videos(export, out, files, media)
    print(
        f'written to {done.path}: {done.num_videos} videos, {done.num_frames} frames, '
        f'{done.num_tracks} objects'
    )
    for line in done.left_out:
        print(f'left out: {line}')
    print(f'to train on them: uninext train --data {done.path}')
