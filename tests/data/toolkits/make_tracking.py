"""Draw tracks, and store what the benchmarks' own toolkits say of them.

Run by hand where a toolkit is new; tests read only the JSON files beside this script.
TrackEval is of requirements/tracking.txt, the others need an environment of their own::

    pip install pycocotools==2.0.11 scalabel==0.3.1 motmetrics==1.4.0 tabulate
    pip install 'numpy<2' 'pandas<3' 'pydantic<2'
    pip install --no-deps trackeval==1.3.0
    python tests/data/toolkits/make_tracking.py

Each file holds ``toolkit`` (name and version), ``ground_truth``, ``results`` and
``metrics``, the toolkit's own numbers under the toolkit's own names. Texts are those of
the files, by sequence; BDD100K's are JSON.
"""

from __future__ import annotations

import contextlib
import io
import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).parent
SIZE_HW = (120, 200)
NUM_FRAMES = 14
# Of MOTChallenge: 1 the pedestrian; 2, 7, 8, 12 and in MOT20 6 are distractors.
KINDS = (1, 1, 1, 1, 1, 7, 8, 2, 12, 6, 3, 9, 13)
GROUPS = {
    'human': ('pedestrian', 'rider'),
    'vehicle': ('car', 'truck', 'bus', 'train'),
    'bike': ('motorcycle', 'bicycle'),
}


# ---- drawing ----


def draw_paths(rng: np.random.Generator, number: int) -> np.ndarray:
    """(number, T, 4) xywh: objects that walk, some of them out of the frame."""
    start = rng.uniform((-20, -10), (190, 90), (number, 2))
    steps = rng.uniform(-9, 9, (number, 2))
    places = start[:, None] + steps[:, None] * np.arange(NUM_FRAMES)[:, None]
    size = rng.uniform((14, 24), (26, 44), (number, 2))
    size = np.broadcast_to(size[:, None], places.shape)
    return np.concatenate([places, size], axis=2).round(2)


def is_shown(rng: np.random.Generator, number: int, share: float) -> np.ndarray:
    """(number, T) bool, with gaps."""
    return rng.random((number, NUM_FRAMES)) < share


def follow(
    rng: np.random.Generator, paths: np.ndarray, share: float = 0.8
) -> list[tuple[int, int, np.ndarray, int]]:
    """``(frame, id, box xywh, object)``: moved, missed, with changes of identity."""
    found = []
    shown = is_shown(rng, len(paths), share)
    ids = np.arange(1, len(paths) + 1)
    for t in range(NUM_FRAMES):
        if rng.random() < 0.3:
            a, b = rng.choice(len(ids), 2, replace=False)
            ids[[a, b]] = ids[[b, a]]
        for k in np.flatnonzero(shown[:, t]):
            box = paths[k, t] + rng.normal(0, 2, 4) * (1, 1, 0.7, 0.7)
            found.append((t + 1, int(ids[k]), box.round(3), int(k)))
        if rng.random() < 0.4:
            box = np.concatenate([rng.uniform(-10, 150, 2), (20, 30)]).round(3)
            found.append((t + 1, 900, box, -1))
    return found


def as_text(rows: Sequence[Sequence[Any]], separator: str = ',') -> str:
    return ''.join(separator.join(map(str, row)) + '\n' for row in rows)


def draw_boxes(seed: int, with_classes: bool) -> tuple[str, str]:
    """Texts of MOTChallenge: ground truth and results of a sequence."""
    rng = np.random.default_rng(seed)
    kinds = np.array(KINDS if with_classes else (1,) * 6)
    paths, shown = draw_paths(rng, len(kinds)), is_shown(rng, len(kinds), 0.85)
    considered = shown & (rng.random(shown.shape) < 0.85)
    rows = []
    for t in range(NUM_FRAMES):
        for k in np.flatnonzero(shown[:, t]):
            mark = int(considered[k, t])
            tail = (mark, kinds[k], 1.0) if with_classes else (mark, 7.5, 3.25, 0)
            rows.append((t + 1, k + 1, *paths[k, t], *tail))
    found = [
        (t, track, *box, round(float(rng.random()), 3), -1, -1, -1)
        for t, track, box, _ in follow(rng, paths)
    ]
    return as_text(rows), as_text(found)


def paint(boxes_xywh: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Ellipses; a pixel goes to the first that claims it. Empty ones may come out."""
    rows, columns = np.mgrid[: SIZE_HW[0], : SIZE_HW[1]] + 0.5
    taken = np.zeros(SIZE_HW, bool)
    masks = []
    for x, y, width, height in boxes_xywh:
        down, right = (
            (rows - y - height / 2) / height,
            (columns - x - width / 2) / width,
        )
        mask = (4 * (down**2 + right**2) <= 1) & ~taken
        taken |= mask
        masks.append(mask)
    return masks


def to_rle(mask: np.ndarray) -> dict[str, Any]:
    """Run-length code that JSON can hold."""
    from pycocotools import mask as mask_utils

    rle = mask_utils.encode(np.asfortranarray(mask, dtype=np.uint8))
    return {'size': list(rle['size']), 'counts': rle['counts'].decode()}


def draw_masks(seed: int) -> tuple[str, str]:
    """Texts of MOTS: pedestrians (2), every other frame a region to ignore (10)."""
    rng = np.random.default_rng(seed)
    paths = draw_paths(rng, 5)
    paths[..., :2] = paths[..., :2].clip((0, 0), (170, 80))
    shown = is_shown(rng, 5, 0.85)
    found = follow(rng, paths)
    lines: tuple[list, list] = ([], [])
    for t in range(NUM_FRAMES):
        here = [k for k in range(5) if shown[k, t]]
        boxes = [paths[k, t] for k in here]
        names = [(2001 + k, 2) for k in here]
        if t % 2:
            boxes.append(np.array([60, 20, 90, 70]))
            names.append((10000, 10))
        predicted = [(track, box) for number, track, box, _ in found if number == t + 1]
        sides = (
            (lines[0], names, boxes),
            (lines[1], [(i, 2) for i, _ in predicted], [box for _, box in predicted]),
        )
        for rows, labels, shapes in sides:
            for (identity, kind), mask in zip(labels, paint(shapes)):
                if mask.any():
                    counts = to_rle(mask)['counts']
                    rows.append((t + 1, identity, kind, *SIZE_HW, counts))
    return as_text(lines[0], ' '), as_text(lines[1], ' ')


def draw_labels(seed: int) -> tuple[list[dict], list[dict]]:
    """Scalabel frames of two videos: ground truth with crowds, and results."""
    rng = np.random.default_rng(seed)
    names = [name for group in GROUPS.values() for name in group if name != 'train']
    sides: tuple[list[dict], list[dict]] = ([], [])
    for video in ('a', 'b'):
        kinds = rng.choice(names, 9)
        crowd = rng.random(9) < 0.2
        paths, shown = draw_paths(rng, 9), is_shown(rng, 9, 0.8)
        paths[..., :2] = paths[..., :2].clip((0, 0), (170, 70))
        found = follow(rng, paths)
        for t in range(NUM_FRAMES):
            ground_truth = [
                (k + 1, kinds[k], paths[k, t], dict(attributes=dict(crowd=True)))
                if crowd[k]
                else (k + 1, kinds[k], paths[k, t], dict(attributes=dict(crowd=False)))
                for k in np.flatnonzero(shown[:, t])
            ]
            predicted = [
                (
                    track,
                    kinds[k] if k >= 0 and rng.random() < 0.9 else rng.choice(names),
                    box,
                    dict(score=round(float(rng.random()), 4)),
                )
                for number, track, box, k in found
                if number == t + 1
            ]
            for frames, objects in zip(sides, (ground_truth, predicted)):
                masks = paint([box for _, _, box, _ in objects])
                labels = [
                    _label(*obj, mask)
                    for obj, mask in zip(objects, masks)
                    if mask.any()
                ]
                frames.append(
                    dict(
                        name=f'{video}-{t:04d}.jpg',
                        videoName=video,
                        frameIndex=t,
                        labels=labels,
                    )
                )
    return sides


def _label(
    identity: int, category: str, box: np.ndarray, extra: dict, mask: np.ndarray
) -> dict[str, Any]:
    x, y, width, height = box.tolist()
    box2d = dict(x1=x, y1=y, x2=x + width - 1, y2=y + height - 1)
    box2d = {key: round(value, 3) for key, value in box2d.items()}
    names = dict(id=str(identity), category=str(category))
    return dict(**names, box2d=box2d, rle=to_rle(mask), **extra)


# ---- toolkits ----


def by_trackeval(
    benchmark: str, files: Mapping[str, tuple[str, str]]
) -> dict[str, dict[str, float]]:
    """Sequence -> metrics, by TrackEval's own evaluator from files."""
    import trackeval

    masks = benchmark == 'MOTS'
    with tempfile.TemporaryDirectory() as folder:
        gt, pred = Path(folder) / 'gt', Path(folder) / 'pred'
        for name, (ground_truth, found) in files.items():
            (gt / name / 'gt').mkdir(parents=True)
            (gt / name / 'gt/gt.txt').write_text(ground_truth)
            (pred / 'ours/data').mkdir(parents=True, exist_ok=True)
            (pred / f'ours/data/{name}.txt').write_text(found)
        config = dict(
            GT_FOLDER=str(gt),
            TRACKERS_FOLDER=str(pred),
            SEQ_INFO=dict.fromkeys(files, NUM_FRAMES),
            SKIP_SPLIT_FOL=True,
            PRINT_CONFIG=False,
            **({} if masks else dict(BENCHMARK=benchmark)),
        )
        kind = 'MOTSChallenge' if masks else 'MotChallenge2DBox'
        quiet = dict.fromkeys(
            ('PRINT_CONFIG', 'PRINT_RESULTS', 'OUTPUT_SUMMARY', 'OUTPUT_DETAILED'),
            False,
        )
        quiet.update(PLOT_CURVES=False, TIME_PROGRESS=False, LOG_ON_ERROR=None)
        metrics = [
            trackeval.metrics.HOTA(),
            trackeval.metrics.CLEAR(dict(PRINT_CONFIG=False)),
            trackeval.metrics.Identity(dict(PRINT_CONFIG=False)),
        ]
        with contextlib.redirect_stdout(io.StringIO()):
            dataset = getattr(trackeval.datasets, kind)(config)
            evaluator = trackeval.Evaluator({**quiet, 'BREAK_ON_ERROR': True})
            results, _ = evaluator.evaluate([dataset], metrics)
    numbers = {}
    for name, of_sequence in results[kind]['ours'].items():
        numbers[name] = {
            key: float(np.mean(of_sequence['pedestrian'][metric.get_name()][key]))
            for metric in metrics
            for key in metric.summary_fields
        }
    return numbers


def by_motmetrics(files: Mapping[str, tuple[str, str]]) -> dict[str, Any]:
    """Metrics over all sequences; for ground truth of which all lines count."""
    import motmetrics

    accumulators = []
    for ground_truth, found in files.values():
        with tempfile.TemporaryDirectory() as folder:
            paths = Path(folder) / 'gt.txt', Path(folder) / 'pred.txt'
            for path, text in zip(paths, (ground_truth, found)):
                path.write_text(text)
            sides = [
                motmetrics.io.loadtxt(str(path), fmt='mot15-2D', min_confidence=least)
                for path, least in zip(paths, (1, -1))
            ]
        accumulators.append(
            motmetrics.utils.compare_to_ground_truth(*sides, 'iou', distth=0.5)
        )
    host = motmetrics.metrics.create()
    names = ['mota', 'motp', 'idf1', 'idp', 'idr', 'num_switches', 'num_misses']
    names += ['num_false_positives', 'mostly_tracked', 'mostly_lost']
    names += ['num_fragmentations', 'recall', 'precision']
    summary = host.compute_many(
        accumulators, names=list(files), metrics=names, generate_overall=True
    )
    return {key: float(summary.loc['OVERALL', key]) for key in names}


def by_scalabel(ground_truth: list[dict], found: list[dict]) -> dict[str, Any]:
    """Tracking of boxes and masks, detection and segmentation."""
    from scalabel.eval.detect import evaluate_det
    from scalabel.eval.ins_seg import evaluate_ins_seg
    from scalabel.eval.mot import acc_single_video_mot, evaluate_track
    from scalabel.eval.mots import acc_single_video_mots, evaluate_seg_track
    from scalabel.label.io import group_and_sort, parse
    from scalabel.label.typing import Category, Config, ImageSize

    height, width = SIZE_HW
    config = Config(
        imageSize=ImageSize(height=height, width=width),
        categories=[
            Category(name=group, subcategories=[Category(name=n) for n in names])
            for group, names in GROUPS.items()
        ],
    )

    def frames(side: list[dict]) -> list:
        return [parse(json.loads(json.dumps(frame))) for frame in side]

    def videos(side: list[dict]) -> list:
        return group_and_sort(frames(side))

    runs: dict[str, Callable[[], Any]] = {
        'bdd-mot': lambda: evaluate_track(
            acc_single_video_mot, videos(ground_truth), videos(found), config, nproc=1
        ),
        'bdd-mots': lambda: evaluate_seg_track(
            acc_single_video_mots, videos(ground_truth), videos(found), config, nproc=1
        ),
        'bdd-det': lambda: evaluate_det(frames(ground_truth), frames(found), config, nproc=1),
        'bdd-insseg': lambda: evaluate_ins_seg(
            frames(ground_truth), frames(found), config, nproc=1
        ),
    }
    return {name: json.loads(run().json()) for name, run in runs.items()}


# ---- files ----


def write(name: str, toolkit: str, files: Mapping[str, tuple], metrics: Any) -> None:
    content = dict(
        toolkit=toolkit,
        ground_truth={key: sides[0] for key, sides in files.items()},
        results={key: sides[1] for key, sides in files.items()},
        metrics=metrics,
    )
    (HERE / f'{name}.json').write_text(
        json.dumps(content, separators=(',', ':')) + '\n'
    )


def main() -> None:
    """Write all files."""
    trackeval = f'TrackEval {version("trackeval")}'
    with_classes = {'s-1': draw_boxes(1, True), 's-2': draw_boxes(2, True)}
    benchmarks = ('MOT17', 'MOT20')
    numbers = {name: by_trackeval(name, with_classes) for name in benchmarks}
    write('mot17', trackeval, with_classes, numbers)
    without = {'s-1': draw_boxes(3, False), 's-2': draw_boxes(4, False)}
    toolkits = f'{trackeval}, motmetrics {version("motmetrics")}'
    both = {
        'MOT15': by_trackeval('MOT15', without),
        'motmetrics': by_motmetrics(without),
    }
    write('mot15', toolkits, without, both)
    masks = {'s-1': draw_masks(5), 's-2': draw_masks(6)}
    write('mots', trackeval, masks, {'MOTS': by_trackeval('MOTS', masks)})
    ground_truth, found = draw_labels(7)
    toolkit = f'scalabel {version("scalabel")} (motmetrics {version("motmetrics")})'
    write('bdd100k', toolkit, {'all': (ground_truth, found)}, by_scalabel(ground_truth, found))


if __name__ == '__main__':
    main()
