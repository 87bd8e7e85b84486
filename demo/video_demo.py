"""Follow prompts through a video: names, sentences, boxes and masks, all in one pass.

Writes one annotated picture a frame and tracks.jsonl. Example:
    python demo/video_demo.py video.mp4 --config configs/uninext/stage3_video.py \\
        --checkpoint CHECKPOINT --names person dog --sentence 'the man in red' \\
        --box 20 30 120 200 --out followed
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path


def parse_args(argv: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('source', help='video file, folder of pictures, camera number')
    parser.add_argument('--config', required=True)
    parser.add_argument('--checkpoint', required=True)
    parser.add_argument('--names', nargs='+', help='category names to track')
    parser.add_argument('--sentence', action='append', default=[], help='repeatable')
    parser.add_argument(
        '--box', nargs=4, type=float, action='append', default=[],
        metavar=('X1', 'Y1', 'X2', 'Y2'), help='in the first frame; repeatable',
    )  # fmt: skip
    parser.add_argument(
        '--mask', action='append', default=[], help='picture, not 0 on the target'
    )
    parser.add_argument('--out', type=Path, default=Path('demo_output/video'))
    parser.add_argument('--scale', nargs=2, type=int, default=(1333, 800))
    parser.add_argument('--device', default='auto')
    parser.add_argument('--score-thr', type=float, default=0.3)
    parser.add_argument('--max-frames', type=int, help='stop after so many')
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """Open a session, follow, draw."""
    args = parse_args(argv)
    import cv2

    from uninext.apis import open_session, read_frames
    from uninext.visualization import draw_tracks

    source = int(args.source) if args.source.isdigit() else args.source
    try:
        session = open_session(
            args.config, args.checkpoint, tuple(args.scale), args.device
        )
        add_prompts(session, args)
        args.out.mkdir(parents=True, exist_ok=True)
        names = {i: session.names_of(i) for i in session.prompt_ids}
        with (args.out / 'tracks.jsonl').open('w') as file:
            for number, frame in enumerate(read_frames(source)):
                if number == args.max_frames:
                    break
                found = session.step(frame).pred_instances
                picture = draw_tracks(frame[..., ::-1], found, names, args.score_thr)
                path = args.out / f'{number:05d}.jpg'
                cv2.imwrite(str(path), picture[..., ::-1])
                file.write(json.dumps(to_record(number, found)) + '\n')
    except ValueError as error:
        print(f'error: {error}', file=sys.stderr)
        return 2
    print(f'{session.num_frames} frames followed; pictures and tracks in {args.out}')
    return 0


def add_prompts(session, args: argparse.Namespace) -> None:
    """Ask for everything that the command line names."""
    import cv2

    if args.names:
        session.add(names=args.names)
    for sentence in args.sentence:
        session.add(sentence=sentence)
    for box in args.box:
        session.add(box=box)
    for path in args.mask:
        mask = cv2.imread(path, cv2.IMREAD_GRAYSCALE)
        if mask is None:
            raise ValueError(f'Cannot read the mask {path}.')
        session.add(mask=mask > 0)
    if not session.prompt_ids:
        raise ValueError(
            'Nothing to follow: give --names, --sentence, --box or --mask.'
        )


def to_record(number: int, found) -> dict:
    """A frame's instances without masks, ready for JSON."""
    return dict(
        frame=number,
        prompts=found.prompt_ids.tolist(),
        tracks=found.instances_ids.tolist(),
        labels=found.labels.tolist(),
        scores=[round(score, 4) for score in found.scores.tolist()],
        boxes_xyxy=[[round(v, 1) for v in box] for box in found.bboxes.tolist()],
    )


if __name__ == '__main__':
    sys.exit(main())
