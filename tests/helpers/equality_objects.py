"""Images and videos for test_metric_equals_eval.py: as :mod:`equality_tracking`.

Ground truth is drawn at random; predictions are the ground truth, shaken, with misses
and inventions, so that every metric lies between its bounds.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from uninext.evaluation.result_files import FORMATS
from uninext.formats.rle import encode_mask
from uninext.structures import Prompt, UninextDataSample

from .equality_tracking import Values, make_sample, matching, run_metric

SIZE_HW = (120, 160)
CATEGORIES = {'cat': 2, 'dog': 5, 'tree': 90}  # ids are not labels + 1
COCO_NAMES = {
    'mAP': 'AP',
    'mAP_50': 'AP50',
    'mAP_75': 'AP75',
    'mAP_s': 'APs',
    'mAP_m': 'APm',
    'mAP_l': 'APl',
}
NUM_FRAMES = 6
# Evaluator rules of SOT -> metrics that are the same by name.
SOT_RULES = ('otb', 'lasot', 'otb101', 'got10k')


def ellipse(box_xyxy: np.ndarray) -> np.ndarray:
    """(H, W) bool, the ellipse in a box."""
    x1, y1, x2, y2 = box_xyxy
    rows, columns = np.mgrid[: SIZE_HW[0], : SIZE_HW[1]] + 0.5
    across = (columns - (x1 + x2) / 2) / max((x2 - x1) / 2, 0.5)
    along = (rows - (y1 + y2) / 2) / max((y2 - y1) / 2, 0.5)
    return across**2 + along**2 <= 1


def draw_box(rng: np.random.Generator, largest: float = 110) -> np.ndarray:
    """(4,) xyxy, whole pixels inside the image, sides of 8 to ``largest``."""
    size = np.minimum(np.exp(rng.uniform(np.log(8), np.log(largest), 2)), [158, 118])
    x1, y1 = rng.uniform(0, np.array(SIZE_HW[::-1]) - size - 1)
    return np.floor([x1, y1, x1 + size[0] + 1, y1 + size[1] + 1])


def shake(rng: np.random.Generator, box: np.ndarray, share: float = 0.1) -> np.ndarray:
    """The box, moved and scaled, as float32 as a network gives it."""
    size = np.tile(box[2:] - box[:2], 2)
    shaken = (box + rng.normal(0, share, 4) * size).astype(np.float32)
    return np.concatenate([np.sort(shaken[::2]), np.sort(shaken[1::2])])[[0, 2, 1, 3]]


def write_json(path: Path, content: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    return path


def write_png(path: Path, ids: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(ids.astype(np.uint8)).save(path)


# ---- images ----


def detection(folder: Path, kind: str) -> tuple[Values, Values]:
    """COCO: mmdet's CocoMetric, which rounds to three digits."""
    rng = np.random.default_rng(0)
    images, annotations, samples = [], [], []
    for image_id in range(1, 13):
        size = dict(height=SIZE_HW[0], width=SIZE_HW[1])
        images.append(dict(id=image_id, file_name=f'{image_id}.jpg', **size))
        boxes, labels = [], []
        for position in range(rng.integers(0, 7)):
            box, label = draw_box(rng), int(rng.integers(3))
            mask = ellipse(box)
            annotations.append(
                dict(
                    id=len(annotations) + 1,
                    image_id=image_id,
                    category_id=list(CATEGORIES.values())[label],
                    iscrowd=int(position == 3),
                    area=int(mask.sum()),
                    bbox=[*box[:2], *(box[2:] - box[:2])],
                    segmentation=encode_mask(mask),
                )
            )
            boxes.append(shake(rng, box, 0.05))
            labels.append(label if rng.random() < 0.9 else int(rng.integers(3)))
        for _ in range(rng.integers(0, 4)):
            boxes.append(shake(rng, draw_box(rng)))
            labels.append(int(rng.integers(3)))
        meta = dict(img_id=image_id, ori_shape=SIZE_HW)
        masks = [ellipse(box) for box in boxes]
        scores = rng.random(len(boxes)).round(1)  # with ties
        ids = range(len(boxes))
        samples.append(make_sample(meta, boxes, ids, labels, scores, masks))
    categories = [dict(id=i, name=name) for name, i in CATEGORIES.items()]
    ground_truth = dict(images=images, annotations=annotations, categories=categories)
    gt = write_json(folder / 'gt.json', ground_truth)
    prefix = str(folder / 'out')
    config = dict(type='CocoMetric', ann_file=str(gt), metric=kind)
    values = run_metric({**config, 'outfile_prefix': prefix}, samples, CATEGORIES)
    found = FORMATS['coco'](gt, f'{prefix}.{kind}.json')[kind]
    wanted = {f'{kind}_{name}': found[ours] for name, ours in COCO_NAMES.items()}
    return matching(values, wanted), {k: round(v, 3) for k, v in wanted.items()}


def referring(folder: Path, kinds: tuple[str, ...]) -> tuple[Values, Values]:
    """REC and RES; some records have two expressions, some no prediction."""
    rng = np.random.default_rng(1)
    images, annotations, samples = [], [], []
    for image_id in range(1, 16):
        box = draw_box(rng)
        mask = encode_mask(ellipse(box))
        expressions = [f'the one {image_id}', 'it'][: 1 + image_id % 2]
        size = dict(height=SIZE_HW[0], width=SIZE_HW[1])
        images.append(dict(id=image_id, expressions=expressions, **size))
        xywh = [*box[:2], *(box[2:] - box[:2])]
        annotations.append(dict(image_id=image_id, bbox=xywh, segmentation=mask))
        for expression in expressions:
            boxes = [shake(rng, box, 0.15) for _ in range(rng.integers(0, 4))]
            target = dict(bbox=box.tolist(), bbox_label=0, ignore_flag=0, mask=mask)
            meta = dict(img_id=image_id, ori_shape=SIZE_HW, instances=[target])
            scores, masks = rng.random(len(boxes)), [ellipse(b) for b in boxes]
            numbers = range(len(boxes))
            sample = make_sample(meta, boxes, numbers, [0] * len(boxes), scores, masks)
            sample.prompt = Prompt.from_expression(expression)
            sample.set_metainfo(dict(expression=expression))
            samples.append(sample)
    gt = write_json(folder / 'gt.json', dict(images=images, annotations=annotations))
    prefix = str(folder / 'out')
    config = dict(type='ReferringMetric', metric=list(kinds), outfile_prefix=prefix)
    values = run_metric(config, samples, ['object'])
    metrics = FORMATS['refexp'](gt, f'{prefix}_instances_results.json')
    assert set(metrics) == {'num_expressions', *kinds}
    found = {f'{k}_{key}': v for k in kinds for key, v in metrics[k].items()}
    return values, found


# ---- videos ----


def frames_of(
    rng: np.random.Generator, name: str, numbers: tuple[int, ...], **meta: Any
) -> Iterator[tuple[UninextDataSample, dict[int, np.ndarray]]]:
    """Frames with the true boxes of each object; object 2 comes late, 3 leaves."""
    starts = {number: draw_box(rng, 60) for number in numbers}
    steps = {number: rng.integers(-4, 5, 2) for number in numbers}
    for t in range(NUM_FRAMES):
        here = {
            number: np.clip(starts[number] + t * np.tile(steps[number], 2), 0, 160)
            for number in numbers
            if not (number == 2 and t < 2) and not (number == 3 and t > 3)
        }
        targets = [
            dict(
                bbox=box.tolist(),
                bbox_label=0,
                ignore_flag=0,
                instance_id=number,
                mask=encode_mask(ellipse(box)),
            )
            for number, box in here.items()
        ]
        frame = dict(frame_id=t, video_length=NUM_FRAMES, ori_shape=SIZE_HW)
        path = dict(img_path=f'x/{t:05d}.jpg', video_id=name, video_name=name)
        common = {**path, **frame, 'instances': targets, **meta}
        found = {
            n: shake(rng, box, 0.08) for n, box in here.items() if rng.random() < 0.8
        }
        if rng.random() < 0.2:
            found[numbers[-1]] = shake(rng, draw_box(rng, 60))
        scores = rng.random(len(found)).astype(np.float32)
        masks = [ellipse(box) for box in found.values()]
        labels = [0] * len(found)
        yield (
            make_sample(
                common, list(found.values()), list(found), labels, scores, masks
            ),
            here,
        )


def single_object(folder: Path, rules: str) -> tuple[Values, Values]:
    """SOT; the size of frames is known to both, as GOT-10k's rules ask."""
    rng = np.random.default_rng(2)
    samples = []
    for number in range(3):
        name, lines = f'cat-{number}', []
        for sample, here in frames_of(rng, name, (3,) if number else (1,)):
            x1, y1, x2, y2 = here.get(1 if number == 0 else 3, [np.nan] * 4)
            lines.append(f'{x1},{y1},{x2 - x1},{y2 - y1}\n')
            samples.append(sample)
        path = folder / 'gt' / name / 'groundtruth.txt'
        path.parent.mkdir(parents=True)
        path.write_text(''.join(lines))
        size = f'resolution: ({SIZE_HW[1]}, {SIZE_HW[0]})\n'
        (path.parent / 'meta_info.ini').write_text(f'[METAINFO]\n{size}')
    out = str(folder / 'out')
    config = dict(type='SOTMetric', rules=rules, outfile_prefix=out)
    values = run_metric(config, samples, ['object'])
    return values, FORMATS['sot'](folder / 'gt', out)[rules]


def video_objects(folder: Path, frames: str) -> tuple[Values, Values]:
    """VOS by DAVIS and by YouTube-VOS, whose objects 1 and 3 are of seen categories."""
    rng = np.random.default_rng(3)
    samples, videos = [], {}
    for name in ('a', 'b'):
        categories = {1: 'cat', 2: 'yak', 3: 'dog'}
        videos[name] = dict(
            objects={str(i): dict(category=c) for i, c in categories.items()}
        )
        for sample, here in frames_of(rng, name, (1, 2, 3)):
            ids = np.zeros(SIZE_HW)
            for number, box in here.items():
                ids[ellipse(box)] = number
            instances = [
                dict(
                    target,
                    mask=encode_mask(ids == target['instance_id']),
                    is_seen=int(categories[target['instance_id']] != 'yak'),
                )
                for target in sample.instances
            ]
            sample.set_metainfo(dict(instances=instances))
            write_png(
                folder / f'valid/Annotations/{name}/{sample.frame_id:05d}.png', ids
            )
            samples.append(sample)
    write_json(folder / 'valid/meta.json', dict(videos=videos))
    known = {str(i): dict(category=c) for i, c in enumerate(('dog', 'cat'))}
    write_json(folder / 'train/meta.json', dict(videos=dict(t=dict(objects=known))))
    out = str(folder / 'out')
    values = run_metric(
        dict(type='VOSMetric', frames=frames, outfile_prefix=out), samples, ['object']
    )
    if frames == 'after_first':
        found = FORMATS['ytvos'](folder / 'valid', out)['mean']
        assert 'G' in found
        return values, found
    found = FORMATS['davis'](folder / 'valid/Annotations', out, frames=frames)['mean']
    return matching(values, found), found


def expressions(folder: Path, merged: bool) -> tuple[Values, Values]:
    """R-VOS: each expression on its own, or sharing the pixels of its video."""
    rng = np.random.default_rng(4)
    samples = []
    for video in ('a', 'b'):
        maps = np.zeros((NUM_FRAMES, *SIZE_HW), np.uint8)
        ground_truth: dict[tuple[int, int], np.ndarray] = {}
        streams = []
        for number in (1, 2, 3):
            stream = list(
                frames_of(
                    rng, video, (number,), exp_id=str(number), expression=f'{number}'
                )
            )
            streams.append([sample for sample, _ in stream])
            for t, (_, here) in enumerate(stream):
                mask = ellipse(here[number]) if here else np.zeros(SIZE_HW, bool)
                ground_truth[number, t] = mask & (maps[t] == 0)
                maps[t][ground_truth[number, t]] = number
        for number, stream in enumerate(streams, start=1):
            for t, sample in enumerate(stream):
                mask = ground_truth[number, t]
                target = dict(bbox=[0, 0, 1, 1], bbox_label=0, instance_id=number)
                instances = (
                    [{**target, 'mask': encode_mask(mask)}] if mask.any() else []
                )
                sample.set_metainfo(dict(instances=instances))
                samples.append(sample)
                if not merged:
                    path = folder / f'gt/{video}/{number}/{t:05d}.png'
                    write_png(path, mask * 255)
        if merged:
            for t, ids in enumerate(maps):
                write_png(folder / f'gt/{video}/{t:05d}.png', ids)
    out = str(folder / 'out')
    config = dict(type='ReferringVOSMetric', merged=merged, outfile_prefix=out)
    values = run_metric(config, samples, ['object'])
    if merged:
        return values, FORMATS['davis'](folder / 'gt', out, frames='all')['mean']
    return values, FORMATS['rvos'](folder / 'gt', out)['mean']


def instances_of_videos(folder: Path) -> tuple[Values, Values]:
    """VIS: tubes of all frames, on the last frame of a video; one is a crowd.

    The files say areas that are not those of the masks: sizes go by them.
    """
    rng = np.random.default_rng(5)
    videos, annotations, samples = [], [], []
    names = list(CATEGORIES)
    for video_id in (4, 7, 9):
        labels = {number: int(rng.integers(3)) for number in (1, 2, 3, 4)}
        crowd = {4: video_id == 4}
        tubes: dict[int, list] = {number: [None] * NUM_FRAMES for number in labels}
        areas = {number: [10_000 * number] * NUM_FRAMES for number in labels}
        frames = []
        for sample, here in frames_of(rng, str(video_id), tuple(labels)):
            for number, box in here.items():
                tubes[number][sample.frame_id] = encode_mask(ellipse(box))
            instances = [
                dict(
                    target,
                    bbox_label=labels[target['instance_id']],
                    ignore_flag=int(crowd.get(target['instance_id'], False)),
                    areas=areas[target['instance_id']],
                )
                for target in sample.instances
            ]
            sample.set_metainfo(dict(instances=instances, video_id=video_id))
            frames.append(sample)
        found = []
        for number, label in [*labels.items(), (1, 0), (2, 1)]:
            tube: list[Any] = [None] * NUM_FRAMES
            for sample in frames:
                boxes = dict(zip(sample.pred_instances.instances_ids.tolist(),
                                 sample.pred_instances.bboxes.numpy()))  # fmt: skip
                if number in boxes:
                    tube[sample.frame_id] = encode_mask(ellipse(boxes[number]))
            score = float(rng.random())
            found.append(dict(score=score, label=label, segmentations=tube))
        frames[-1].set_metainfo(dict(video_instances=found))
        samples += frames
        size = dict(height=SIZE_HW[0], width=SIZE_HW[1], length=NUM_FRAMES)
        videos.append(dict(id=video_id, **size))
        annotations += [
            dict(
                id=len(annotations) + number,
                video_id=video_id,
                category_id=CATEGORIES[names[labels[number]]],
                iscrowd=int(crowd.get(number, False)),
                areas=areas[number],
                segmentations=tube,
            )
            for number, tube in tubes.items()
        ]
    categories = [dict(id=i, name=name) for name, i in CATEGORIES.items()]
    ground_truth = dict(videos=videos, annotations=annotations, categories=categories)
    gt = write_json(folder / 'gt.json', ground_truth)
    out = str(folder / 'out')
    config = dict(type='VideoInstanceMetric', ann_file=str(gt), outfile_prefix=out)
    values = run_metric(config, samples, names)
    return values, FORMATS['ytvis'](gt, folder / 'out/results.json')


CASES: Mapping[str, Callable[[Path], tuple[Values, Values]]] = {
    'det': lambda folder: detection(folder, 'bbox'),
    'inst-seg': lambda folder: detection(folder, 'segm'),
    'rec': lambda folder: referring(folder, ('bbox',)),
    'res': lambda folder: referring(folder, ('bbox', 'segm')),
    **{
        f'sot-{rules}': lambda folder, rules=rules: single_object(folder, rules)
        for rules in SOT_RULES
    },
    'vos-davis': lambda folder: video_objects(folder, 'inner'),
    'vos-ytvos': lambda folder: video_objects(folder, 'after_first'),
    'rvos': lambda folder: expressions(folder, merged=False),
    'rvos-merged': lambda folder: expressions(folder, merged=True),
    'vis': instances_of_videos,
}
