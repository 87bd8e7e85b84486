"""Draw ground truth and results, and store what the benchmarks' own toolkits say.

Run by hand where a toolkit is new; tests read only the JSON files beside this script::

    python tests/data/toolkits/make_images_and_videos.py images videos objects
    # in an environment with ``pip install got10k==0.1.3 'numpy<2'``
    python tests/data/toolkits/make_images_and_videos.py boxes

Each file holds ``toolkit`` (name and version), ``ground_truth``, ``results`` and
``metrics``, the toolkit's own numbers under the toolkit's own names.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
import tempfile
from collections.abc import Iterable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

HERE = Path(__file__).parent
SIZE_HW = (120, 160)
LARGE_HW = (300, 400)  # so that tubes are small, medium and large
CATEGORIES = {'cat': 2, 'dog': 5, 'tree': 90}
IDS = tuple(CATEGORIES.values())


# ---- drawing ----


def draw_box(
    rng: np.random.Generator, largest: float, size_hw: tuple[int, int] = SIZE_HW
) -> np.ndarray:
    """(4,) xyxy inside the image, sides of 6 to ``largest`` pixels."""
    limit = np.array(size_hw[::-1])
    size = np.exp(rng.uniform(np.log(6), np.log(largest), 2)).clip(max=limit - 2)
    x1, y1 = rng.uniform(0, limit - size)
    return np.array([x1, y1, x1 + size[0], y1 + size[1]])


def shake(rng: np.random.Generator, box: np.ndarray, share: float) -> np.ndarray:
    """The box with its sides moved by a share of its size."""
    size = np.tile(box[2:] - box[:2], 2)
    x1, y1, x2, y2 = box + rng.normal(0, share, 4) * size
    return np.array([min(x1, x2), min(y1, y2), max(x1, x2), max(y1, y2)])


def ellipse(box: np.ndarray, size_hw: tuple[int, int] = SIZE_HW) -> np.ndarray:
    """(H, W) bool, the ellipse in a box."""
    rows, columns = np.mgrid[: size_hw[0], : size_hw[1]] + 0.5
    center, half = (box[:2] + box[2:]) / 2, np.maximum((box[2:] - box[:2]) / 2, 0.7)
    return ((columns - center[0]) / half[0]) ** 2 + (
        (rows - center[1]) / half[1]
    ) ** 2 <= 1


def to_xywh(box: np.ndarray) -> list[float]:
    """Two digits, as annotation files have."""
    return [round(float(v), 2) for v in (*box[:2], *(box[2:] - box[:2]))]


def to_rle(mask: np.ndarray) -> dict[str, Any]:
    """Run-length code that JSON can hold."""
    from pycocotools import mask as mask_utils

    rle = mask_utils.encode(np.asfortranarray(mask, dtype=np.uint8))
    return {'size': list(rle['size']), 'counts': rle['counts'].decode()}


# ---- images: pycocotools ----


def images() -> dict[str, Any]:
    """Boxes and masks of all sizes, with crowds, ties and empty images."""
    rng = np.random.default_rng(0)
    listed, annotations, results = [], [], []
    for image_id in range(1, 19):
        listed.append(dict(id=image_id, height=SIZE_HW[0], width=SIZE_HW[1]))
        for position in range(rng.integers(0, 7)):
            box, category = draw_box(rng, 150), IDS[rng.integers(3)]
            if position == 0 and image_id % 3 == 0:  # beyond 96 x 96 pixels
                box = np.array([3.5, 2, 152, 116]) + rng.uniform(-2, 2, 4)
            mask = ellipse(box)
            common = dict(image_id=image_id, category_id=category)
            annotations.append(
                dict(
                    common,
                    id=len(annotations) + 1,
                    iscrowd=int(position == 4),
                    area=int(mask.sum()),
                    bbox=to_xywh(box),
                    segmentation=to_rle(mask),
                )
            )
            for _ in range(15 if image_id == 9 else rng.integers(0, 3)):
                found = shake(rng, box, 0.08)
                if rng.random() < 0.1:
                    common['category_id'] = IDS[rng.integers(3)]
                results.append(_found(rng, common, found))
        if rng.random() < 0.5:
            common = dict(image_id=image_id, category_id=IDS[rng.integers(3)])
            results.append(_found(rng, common, draw_box(rng, 150)))
    categories = [dict(id=i, name=name) for name, i in CATEGORIES.items()]
    ground_truth = dict(images=listed, annotations=annotations, categories=categories)
    return dict(
        toolkit=f'pycocotools {version("pycocotools")}',
        ground_truth=ground_truth,
        results=results,
        metrics={kind: _coco_stats(ground_truth, results, kind) for kind in ('bbox', 'segm')},
    )


def _found(rng: np.random.Generator, common: dict, box: np.ndarray) -> dict:
    score = round(float(rng.random()), 2)
    return dict(
        common, score=score, bbox=to_xywh(box), segmentation=to_rle(ellipse(box))
    )


def _coco_stats(ground_truth: dict, results: list[dict], kind: str) -> list[float]:
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    other = 'bbox' if kind == 'segm' else 'segmentation'
    with tempfile.TemporaryDirectory() as folder:
        gt, pred = Path(folder, 'gt.json'), Path(folder, 'pred.json')
        gt.write_text(json.dumps(ground_truth))
        of_kind = [{k: v for k, v in r.items() if k != other} for r in results]
        pred.write_text(json.dumps(of_kind))
        annotated = COCO(str(gt))
        evaluation = COCOeval(annotated, annotated.loadRes(str(pred)), kind)
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    return evaluation.stats.tolist()


# ---- videos: TrackEval ----


def videos() -> dict[str, Any]:
    """Tubes of three sizes, which come late, leave and are missed."""
    rng = np.random.default_rng(1)
    num_frames = 5
    listed, annotations, results = [], [], []
    for video_id in range(1, 9):
        names = [f'v{video_id}/{t}.jpg' for t in range(num_frames)]
        size = dict(height=LARGE_HW[0], width=LARGE_HW[1])
        listed.append(dict(id=video_id, length=num_frames, file_names=names, **size))
        for position in range(rng.integers(1, 4)):
            box = draw_box(rng, 300, LARGE_HW)
            if position == 0 and video_id % 2:
                box = np.array([8, 5, 370, 290]) + rng.uniform(-5, 5, 4)
            elif position == 0:
                box = np.array([30, 20, 200, 190]) + rng.uniform(-5, 5, 4)
            step = np.tile(rng.uniform(-6, 6, 2), 2)
            here = range(rng.integers(0, 2), num_frames - rng.integers(0, 2))
            boxes = [box + t * step if t in here else None for t in range(num_frames)]
            common = dict(video_id=video_id, category_id=IDS[rng.integers(3)])
            masks = [None if b is None else ellipse(b, LARGE_HW) for b in boxes]
            areas = [None if m is None else int(m.sum()) for m in masks]
            tube = [None if m is None or not m.any() else to_rle(m) for m in masks]
            number = len(annotations) + 1
            more = dict(id=number, iscrowd=0, areas=areas, **size)
            annotations.append(dict(common, segmentations=tube, **more))
            for _ in range(rng.integers(0, 3)):
                found = [
                    None
                    if b is None or rng.random() < 0.1
                    else to_rle(ellipse(shake(rng, b, 0.05), LARGE_HW))
                    for b in boxes
                ]
                score = round(float(rng.random()), 3)
                results.append(dict(common, score=score, segmentations=found))
    categories = [dict(id=i, name=name) for name, i in CATEGORIES.items()]
    ground_truth = dict(videos=listed, annotations=annotations, categories=categories)
    return dict(
        toolkit=f'TrackEval {version("trackeval")}, YouTubeVIS with TrackMAP',
        ground_truth=ground_truth,
        results=results,
        metrics=_track_map(ground_truth, results),
    )


def _track_map(ground_truth: dict, results: list[dict]) -> dict[str, list[float]]:
    import trackeval

    from uninext.formats.rle import run_lengths

    ground_truth = json.loads(json.dumps(ground_truth))  # which it reads with runs as lists only
    for annotation in ground_truth['annotations']:
        for rle in filter(None, annotation['segmentations']):
            rle['counts'] = run_lengths(rle['counts']).tolist()
    with tempfile.TemporaryDirectory() as folder:
        gt = Path(folder, 'gt/youtube_vis_val/gt.json')
        pred = Path(folder, 'trackers/youtube_vis_val/ours/data/results.json')
        for path, content in ((gt, ground_truth), (pred, results)):
            path.parent.mkdir(parents=True)
            path.write_text(json.dumps(content))
        dataset = trackeval.datasets.YouTubeVIS(
            dict(
                GT_FOLDER=f'{folder}/gt/',
                TRACKERS_FOLDER=f'{folder}/trackers/',
                SPLIT_TO_EVAL='val',
                PRINT_CONFIG=False,
            )
        )
        metric = trackeval.metrics.TrackMAP(
            dict(
                AREA_RANGES=[[0, 128**2], [128**2, 256**2], [256**2, 1e10]],
                USE_TIME_RANGES=False,
                MAX_DETECTIONS=100,
                PRINT_CONFIG=False,
            )
        )
        by_class = {}
        for name in CATEGORIES:
            by_video = {}
            for video in dataset.seq_list:
                raw = dataset.get_raw_seq_data('ours', video)
                data = dataset.get_preprocessed_seq_data(raw, name)
                by_video[video] = metric.eval_sequence(data)
            by_class[name] = metric.combine_sequences(by_video)
    # For each IoU threshold from 0.5 to 0.95 the mean over the classes that have such an
    # object; the toolkit says -1 of the others.
    metrics = {}
    for field in metric.fields:
        rows = [np.array(by_class[name][field]) for name in CATEGORIES]
        metrics[field] = np.mean([r for r in rows if (r > -1).all()], axis=0).tolist()
    return metrics


# ---- objects: TrackEval ----


def objects() -> dict[str, Any]:
    """Three objects a video: one comes late, one leaves, one is missed at times."""
    rng = np.random.default_rng(2)
    maps: dict[str, dict[str, list]] = {'ground_truth': {}, 'results': {}}
    for name in ('bear', 'camel', 'dog'):
        num_frames = {'bear': 9, 'camel': 5, 'dog': 12}[name]
        starts = {number: draw_box(rng, 70) for number in (1, 2, 3)}
        step = rng.uniform(-4, 4, 4)
        ground_truth, found = [], []
        for t in range(num_frames):
            ids, prediction = np.zeros(SIZE_HW, np.uint8), np.zeros(SIZE_HW, np.uint8)
            for number, start in starts.items():
                box = start + t * np.tile(step[:2] * number / 2, 2)
                if not (number == 2 and t < 2) and not (number == 3 and t > 6):
                    ids[ellipse(box)] = number
                if rng.random() < 0.85:
                    prediction[ellipse(shake(rng, box, 0.08))] = number
            ground_truth.append(ids)
            found.append(prediction)
        maps['ground_truth'][name], maps['results'][name] = ground_truth, found
    codes = {
        kind: {
            name: [_codes(ids) for ids in frames] for name, frames in by_name.items()
        }
        for kind, by_name in maps.items()
    }
    inner = {
        kind: {name: frames[1:-1] for name, frames in by_name.items()}
        for kind, by_name in maps.items()
    }
    return dict(
        toolkit=f'TrackEval {version("trackeval")}, DAVIS with JAndF',
        **codes,
        metrics=dict(all=_j_and_f(**maps), inner=_j_and_f(**inner)),
    )


def _codes(ids: np.ndarray) -> dict[int, dict]:
    return {int(i): to_rle(ids == i) for i in np.unique(ids) if i}


def _j_and_f(
    ground_truth: dict[str, list], results: dict[str, list]
) -> dict[str, dict[str, float]]:
    import trackeval

    with tempfile.TemporaryDirectory() as folder:
        for place, by_name in (('gt', ground_truth), ('all/ours/data', results)):
            for name, frames in by_name.items():
                for t, ids in enumerate(frames):
                    path = Path(folder, place, name, f'{t:05d}.png')
                    path.parent.mkdir(parents=True, exist_ok=True)
                    Image.fromarray(ids).save(path)
        dataset = trackeval.datasets.DAVIS(
            dict(
                GT_FOLDER=f'{folder}/gt',
                TRACKERS_FOLDER=f'{folder}/all',
                PRINT_CONFIG=False,
            )
        )
        metric = trackeval.metrics.JAndF()
        by_name = {}
        for name in sorted(dataset.seq_list):
            raw = dataset.get_raw_seq_data('ours', name)
            data = dataset.get_preprocessed_seq_data(raw, 'general')
            by_name[name] = metric.eval_sequence(data)
    combined = metric.combine_sequences(by_name)
    return {
        name: {key: float(found[key]) for key in metric.float_fields}
        for name, found in (*by_name.items(), ('mean', combined))
    }


# ---- boxes: the toolkit of GOT-10k ----


class _Sequences:
    """As the toolkit's datasets: (files, boxes[, meta]) of each sequence."""

    def __init__(self, sequences: dict[str, dict], with_meta: bool) -> None:
        self.seq_names = sorted(sequences)
        self._sequences = sequences
        self._with_meta = with_meta

    def __len__(self) -> int:
        return len(self.seq_names)

    def __getitem__(self, key: int | str) -> tuple:
        name = key if isinstance(key, str) else self.seq_names[key]
        sequence = self._sequences[name]
        boxes = np.array(sequence['ground_truth'], dtype=float)
        meta = dict(
            cover=np.array(sequence['cover']),
            resolution=str(tuple(sequence['size_wh'])),
        )
        return ([], boxes, meta) if self._with_meta else ([], boxes)

    def __iter__(self) -> Iterable[tuple]:
        return (self[name] for name in self.seq_names)


def boxes() -> dict[str, Any]:
    """Targets that leave the image on all sides, and are hidden at times."""
    rng = np.random.default_rng(3)
    sequences = {}
    for number in range(1, 5):
        ground_truth, found = [], []
        box = draw_box(rng, 100)
        step = np.tile(rng.uniform(-9, 9, 2), 2)
        for t in range(15):
            here = box + t * step
            ground_truth.append(to_xywh(here))
            found.append(to_xywh(shake(rng, here, 0.1 * number)))
        cover = rng.integers(0, 9, 15).tolist()
        sequences[f'GOT-10k_Val_00000{number}'] = dict(
            size_wh=SIZE_HW[::-1], cover=cover, ground_truth=ground_truth, found=found
        )
    return dict(
        toolkit=f'got10k {version("got10k")}, ExperimentOTB and ExperimentGOT10k',
        ground_truth={
            name: {key: s[key] for key in ('size_wh', 'cover', 'ground_truth')}
            for name, s in sequences.items()
        },
        results={name: sequence['found'] for name, sequence in sequences.items()},
        metrics=_got10k_reports(sequences),
    )


def _got10k_reports(sequences: dict[str, dict]) -> dict[str, dict[str, float]]:
    import matplotlib

    matplotlib.use('Agg')
    from got10k.experiments import ExperimentGOT10k, ExperimentOTB

    metrics = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, sequence in sequences.items():
            lines = '\n'.join(','.join(map(str, row)) for row in sequence['found'])
            for file in (f'ours/{name}.txt', f'ours/{name}/{name}_001.txt'):
                path = Path(folder, file)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(lines)
            Path(folder, f'ours/{name}/{name}_time.txt').write_text('0.1\n0.1\n')
        for kind, subset in ((ExperimentOTB, None), (ExperimentGOT10k, 'val')):
            experiment = kind.__new__(kind)
            experiment.dataset = _Sequences(sequences, with_meta=subset is not None)
            experiment.subset = subset
            experiment.result_dir, experiment.report_dir = folder, f'{folder}/reports'
            experiment.nbins_iou = 21 if subset is None else 101  # of their __init__
            experiment.nbins_ce = 51
            experiment.plot_curves = lambda *args, **kwargs: None
            overall = experiment.report(['ours'])['ours']['overall']
            metrics[kind.__name__] = {
                key: float(value)
                for key, value in overall.items()
                if not isinstance(value, list)
            }
    return metrics


FILES = {'images': images, 'videos': videos, 'objects': objects, 'boxes': boxes}

if __name__ == '__main__':
    for wanted in sys.argv[1:] or FILES:
        with contextlib.redirect_stdout(io.StringIO()):
            content = FILES[wanted]()
        path = HERE / f'{wanted}.json'
        path.write_text(json.dumps(content, separators=(',', ':')) + '\n')
        print(f'{path}: {path.stat().st_size} bytes, {content["toolkit"]}')
