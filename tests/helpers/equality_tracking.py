"""Tracks for test_metric_equals_eval.py: each case by the metric, and from its files.

A case builds generated frames, runs the registered metric over them and evaluates the
files that it wrote as ``uninext eval`` does. Expected: the same numbers.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.evaluator import Evaluator
from mmengine.structures import InstanceData
from pycocotools import mask as mask_utils

from uninext.converters import convert_mot_challenge
from uninext.datasets import VideoInstanceDataset
from uninext.evaluation.result_files import FORMATS
from uninext.formats.rle import encode_mask
from uninext.formats.scalabel import BDD_THINGS
from uninext.structures import UninextDataSample

from .bdd100k_scenes import SIZE_WH, make_scene

Values = dict[str, float]
MOT_SIZE_WH = (160, 120)
MASK_SIZE_HW = (40, 60)


def make_sample(
    meta: Mapping[str, Any],
    boxes_xyxy: Sequence,
    ids: Sequence[int],
    labels: Sequence[int],
    scores: Sequence[float],
    masks: Sequence[np.ndarray] = (),
) -> UninextDataSample:
    """What a model gives for a frame."""
    sample = UninextDataSample(metainfo=dict(meta))
    height, width = meta['ori_shape']
    stacked = np.array(masks, dtype=bool).reshape(-1, height, width)
    sample.pred_instances = InstanceData(
        bboxes=torch.tensor(np.array(boxes_xyxy, np.float32).reshape(-1, 4)),
        scores=torch.tensor(scores, dtype=torch.float32),
        labels=torch.tensor(labels, dtype=torch.long),
        instances_ids=torch.tensor(ids, dtype=torch.long),
        **(dict(masks=torch.from_numpy(stacked)) if len(masks) == len(ids) else {}),
    )
    return sample


def run_metric(
    config: dict, samples: Iterable[UninextDataSample], classes: Sequence[str]
) -> Values:
    """Metric name without its prefix -> value, through mmengine's evaluator."""
    evaluator = Evaluator([config])
    evaluator.dataset_meta = dict(classes=tuple(classes))
    count = 0
    for sample in samples:
        evaluator.process([sample])
        count += 1
    values = evaluator.evaluate(count)
    return {key.split('/')[1]: value for key, value in values.items()}


def matching(values: Mapping[str, Any], wanted: Iterable[str]) -> Values:
    """The wanted numbers as floats; NaN stands for what JSON writes as null."""
    return {k: float('nan') if values[k] is None else values[k] for k in wanted}


def write_mot(folder: Path, rows: Sequence[Sequence], num_frames: int) -> None:
    """``gt/gt.txt`` and ``seqinfo.ini`` of a sequence."""
    (folder / 'gt').mkdir(parents=True)
    lines = (','.join(map(str, row)) + '\n' for row in rows)
    (folder / 'gt/gt.txt').write_text(''.join(lines))
    width, height = MOT_SIZE_WH
    (folder / 'seqinfo.ini').write_text(
        f'[Sequence]\nname={folder.name}\nseqLength={num_frames}\n'
        f'imWidth={width}\nimHeight={height}\n'
    )


def mot_rows(seed: int, num_frames: int, kinds: Sequence[int]) -> list[tuple]:
    """Ground truth of gt.txt: objects that walk out of the frame, some unconsidered."""
    rng = np.random.default_rng(seed)
    start = rng.uniform(-10, 120, (len(kinds), 2)).round(1)
    steps = rng.uniform(-9, 9, (len(kinds), 2)).round(1)
    rows = []
    for frame in range(1, num_frames + 1):
        for k, kind in enumerate(kinds):
            if rng.random() < 0.15:
                continue
            x, y = (start[k] + frame * steps[k]).round(2)
            considered = int(kind == 1 and k % 4 != 3)
            rows.append((frame, k + 1, x, y, 20, 35.5, considered, kind, 1))
    return rows


def mot_predictions(rng: np.random.Generator, rows: Sequence[tuple]) -> list[tuple]:
    """``(id, box xyxy)`` near the objects of a frame: missed, moved, misnamed."""
    found = []
    for _, track, x, y, width, height, *_ in rows:
        if rng.random() < 0.2:
            continue
        moved = np.array([x, y, x + width, y + height]) + rng.normal(0, 2.5, 4)
        other = 100 * int(rng.random() < 0.1)
        found.append((track + other, moved))
    for k in range(int(rng.integers(0, 3))):
        corner = rng.uniform(-20, 100, 2)
        found.append((500 + k, np.concatenate([corner, corner + [20, 30]])))
    return found


def build_mot17(tmp_path: Path, protocol: str = 'mot17', name: str = 'MOT17') -> tuple:
    """Converter -> dataset -> metric, and gt.txt with the metric's files."""
    num_frames, kinds = 12, (1, 1, 1, 1, 7, 8, 3, 12, 2, 6, 9, 1, 1, 1)
    root = tmp_path / protocol
    for seed in (0, 1):
        folder = root / 'train' / f'{name}-0{seed}'
        write_mot(folder, mot_rows(seed, num_frames, kinds), num_frames)
        (folder / 'img1').mkdir()
        for frame in range(1, num_frames + 1):
            (folder / f'img1/{frame:06d}.jpg').touch()
    convert_mot_challenge(root, root / 'train.json', progress=False)
    dataset = VideoInstanceDataset(
        data_root=str(root), ann_file='train.json', test_mode=True, pipeline=[]
    )
    rng = np.random.default_rng(7)
    samples = []
    for index in range(len(dataset)):
        info = dataset.get_data_info(index)
        rows = [
            (0, i['object_id'], *i['bbox'][:2], 20, 35.5) for i in info['instances']
        ]
        found = mot_predictions(rng, rows)
        keys = ('video_id', 'video_name', 'frame_id', 'video_length', 'instances')
        meta = {key: info[key] for key in keys}
        ids, boxes = [i for i, _ in found], [box for _, box in found]
        count = len(ids)
        meta.update(ori_shape=MOT_SIZE_WH[::-1], img_path=info['img_path'])
        samples.append(make_sample(meta, boxes, ids, [0] * count, [0.5] * count))
    config = dict(
        type='TrackingMetric', protocol=protocol, outfile_prefix=str(root / 'out')
    )
    found = run_metric(config, samples, dataset.metainfo['classes'])
    by_files = FORMATS['mot'](root / 'train', root / 'out')['COMBINED']
    return found, matching(by_files, found)


def build_mot20(tmp_path: Path) -> tuple:
    """The same with the distractors of MOT20, which the names of sequences choose."""
    return build_mot17(tmp_path, 'mot20', 'MOT20')


def build_mot(tmp_path: Path) -> tuple:
    """Several classes and ignored objects, by the plain protocol."""
    num_frames, kinds = 10, (1, 2, 1, 3, 2, 1, 1)
    root = tmp_path / 'plain'
    rows = mot_rows(3, num_frames, kinds)
    ignored = 5  # the number of a track
    rows = [(*row[:6], int(row[1] != ignored), *row[7:]) for row in rows]
    write_mot(root / 'gt/a', rows, num_frames)
    rng = np.random.default_rng(8)
    samples = []
    for frame in range(1, num_frames + 1):
        here = [row for row in rows if row[0] == frame]
        instances = [
            dict(
                bbox=[x, y, x + width, y + height],
                bbox_label=kind - 1,
                instance_id=track,
                ignore_flag=1 - considered,
            )
            for _, track, x, y, width, height, considered, kind, _ in here
        ]
        found = mot_predictions(rng, here)
        kind_of = {row[1]: row[7] - 1 for row in rows}
        ids = [i for i, _ in found]
        labels = [kind_of.get(i % 100, 0) for i in ids]
        meta = dict(
            video_id=1,
            video_name='a',
            frame_id=frame - 1,
            video_length=num_frames,
            ori_shape=MOT_SIZE_WH[::-1],
            instances=instances,
        )
        boxes = [box for _, box in found]
        samples.append(make_sample(meta, boxes, ids, labels, [0.5] * len(ids)))
    config = dict(type='TrackingMetric', outfile_prefix=str(root / 'out'))
    found = run_metric(config, samples, ('cat', 'dog', 'cow'))
    by_files = FORMATS['mot'](root / 'gt', root / 'out', protocol='plain')['COMBINED']
    return found, matching(by_files, found)


def mots_frames(seed: int, num_frames: int) -> list[tuple[dict, dict]]:
    """Per frame ``{id: mask}`` of what is annotated and of what is predicted.

    Annotated masks do not overlap: each object keeps to a cell. The id 0 is a region
    to ignore.
    """
    rng = np.random.default_rng(seed)
    frames = []
    for _ in range(num_frames):
        ground_truth: dict[int, np.ndarray] = {}
        found: dict[int, np.ndarray] = {}
        for cell in range(6):
            top, left = 20 * (cell // 3), 20 * (cell % 3)
            for side, limit in ((ground_truth, 0.85), (found, 0.8)):
                y, x = np.array([top, left]) + rng.integers(2, 6, 2)
                mask = np.zeros(MASK_SIZE_HW, bool)
                mask[y : y + 12, x : x + 13] = True
                if rng.random() < limit:
                    track = 30 + cell if rng.random() < 0.1 and side is found else cell
                    side[track] = mask
        stray = np.zeros(MASK_SIZE_HW, bool)
        corner = rng.integers(0, 30)
        stray[corner : corner + 9, corner : corner + 14] = True
        found[77] = stray  # overlaps others, as a model's masks may
        frames.append((ground_truth, found))
    return frames


def build_mots(tmp_path: Path) -> tuple:
    """Pedestrians and a region to ignore by the rules of MOTS."""
    num_frames = 8
    root = tmp_path / 'mots'
    samples, lines = [], []
    for index, (ground_truth, found) in enumerate(mots_frames(4, num_frames)):
        instances = []
        for track, mask in ground_truth.items():
            rle = encode_mask(mask)
            flag = int(track == 0)
            target = dict(instance_id=track, ignore_flag=flag, mask=rle)
            instances.append(dict(target, bbox=[0, 0, 1, 1], bbox_label=0))
            identity, kind = (10000, 10) if flag else (2000 + track, 2)
            size = f'{MASK_SIZE_HW[0]} {MASK_SIZE_HW[1]}'
            lines.append(f'{index + 1} {identity} {kind} {size} {rle["counts"]}\n')
        meta = dict(
            video_id=1,
            video_name='a',
            frame_id=index,
            video_length=num_frames,
            ori_shape=MASK_SIZE_HW,
            instances=instances,
        )
        count = len(found)
        scores = np.linspace(0.9, 0.2, count)
        boxes = np.tile([0, 0, 1, 1], (count, 1))
        masks = list(found.values())
        samples.append(
            make_sample(meta, boxes, list(found), [0] * count, scores, masks)
        )
    folder = root / 'gt/a/gt'
    folder.mkdir(parents=True)
    (folder / 'gt.txt').write_text(''.join(lines))
    (folder.parent / 'seqinfo.ini').write_text(
        f'[Sequence]\nname=a\nseqLength={num_frames}\n'
    )
    config = dict(
        type='TrackingMetric',
        similarity='segm',
        protocol='mots',
        outfile_prefix=str(root / 'out'),
    )
    found = run_metric(config, samples, ('pedestrian',))
    by_files = FORMATS['mots'](root / 'gt', root / 'out')['COMBINED']
    return found, matching(by_files, found)


def bdd_samples(ground_truth: list[dict], found: list[dict]) -> list[UninextDataSample]:
    """What a model and a dataset would give for a generated scene."""
    lengths: dict[str, int] = {}
    for frame in ground_truth:
        lengths[frame['videoName']] = lengths.get(frame['videoName'], 0) + 1
    samples = []
    for frame, prediction in zip(ground_truth, found):
        instances = [
            dict(
                bbox=_bdd_box(label),
                bbox_label=BDD_THINGS.index(label['category']),
                ignore_flag=int(label['attributes']['crowd']),
                instance_id=int(label['id']),
                mask=label['rle'],
            )
            for label in frame['labels']
        ]
        meta = dict(
            video_id=frame['videoName'],
            frame_id=frame['frameIndex'],
            video_length=lengths[frame['videoName']],
            ori_shape=SIZE_WH[::-1],
            img_path=f'x/{frame["name"]}',
            instances=instances,
        )
        labels = prediction['labels']
        samples.append(
            make_sample(
                meta,
                [_bdd_box(label) for label in labels],
                [int(label['id']) for label in labels],
                [BDD_THINGS.index(label['category']) for label in labels],
                [label['score'] for label in labels],
                [mask_utils.decode(label['rle']).astype(bool) for label in labels],
            )
        )
    return samples


def build_bdd(tmp_path: Path, name: str, similarity: str) -> tuple:
    """Two videos with crowds, by the rules of BDD100K."""
    ground_truth, found = make_scene(11, num_frames=8)
    root = tmp_path / name
    root.mkdir()
    (root / 'gt.json').write_text(json.dumps(ground_truth))
    config = dict(
        type='BDD100KTrackingMetric',
        similarity=similarity,
        outfile_prefix=str(root / 'out'),
    )
    values = run_metric(config, bdd_samples(ground_truth, found), BDD_THINGS)
    return values, matching(FORMATS[name](root / 'gt.json', root / 'out'), values)


def _bdd_box(label: Mapping[str, Any]) -> list[float]:
    box = label['box2d']
    return [box['x1'], box['y1'], box['x2'] + 1, box['y2'] + 1]


CASES: dict[str, Callable[[Path], tuple[Values, Values]]] = {
    'mot': build_mot,
    'mot17': build_mot17,
    'mot20': build_mot20,
    'mots': build_mots,
    'bdd-mot': lambda tmp_path: build_bdd(tmp_path, 'bdd-mot', 'bbox'),
    'bdd-mots': lambda tmp_path: build_bdd(tmp_path, 'bdd-mots', 'segm'),
}
