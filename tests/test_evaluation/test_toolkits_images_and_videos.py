"""Our metrics against the numbers of the benchmarks' own toolkits, in every clone.

The files are those of ``tests/data/toolkits/make_images_and_videos.py``; no toolkit is
needed to read them.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from uninext.evaluation.evaluators.video_objects import VideoObjectsEvaluator
from uninext.evaluation.functional.coco import MAX_DETS, coco_evaluation
from uninext.evaluation.functional.single_object import RULES
from uninext.evaluation.functional.video_instances import AREA_RANGES
from uninext.evaluation.functional.video_objects import BOUND_TH, NUM_DECAY_BINS
from uninext.evaluation.result_files import FORMATS
from uninext.formats.rle import decode_segmentation

TOOLKITS = Path(__file__).parents[1] / 'data/toolkits'
NAMES = ('AP', 'AP50', 'AP75', 'APs', 'APm', 'APl')
NAMES += ('AR1', 'AR10', 'AR100', 'ARs', 'ARm', 'ARl')
SIZE_HW = (120, 160)


def read(name: str) -> dict[str, Any]:
    return json.loads((TOOLKITS / f'{name}.json').read_text())


def write_pair(folder: Path, stored: dict[str, Any]) -> tuple[Path, Path]:
    paths = folder / 'gt.json', folder / 'pred.json'
    for path, key in zip(paths, ('ground_truth', 'results')):
        path.write_text(json.dumps(stored[key]))
    return paths


def test_the_files_say_which_toolkit_and_are_small():
    for name in ('images', 'videos', 'objects', 'boxes'):
        toolkit = read(name)['toolkit']
        assert toolkit.split()[0] in ('pycocotools', 'TrackEval', 'got10k')
        assert toolkit.split()[1][0].isdigit()
    assert sum(path.stat().st_size for path in TOOLKITS.iterdir()) < 500_000


# ---- images ----


def test_coco_is_that_of_pycocotools(tmp_path: Path):
    stored = read('images')
    metrics = FORMATS['coco'](*write_pair(tmp_path, stored))
    for kind, stats in stored['metrics'].items():
        assert list(metrics[kind]) == list(NAMES)
        assert list(metrics[kind].values()) == pytest.approx(stats, abs=1e-12)
        # Every size occurs, and the limits of results matter.
        assert min(stats) > 0
        assert len({round(value, 6) for value in stats[6:9]}) >= 2


def test_the_defaults_of_coco():
    stored = read('images')
    evaluation = coco_evaluation(stored['ground_truth'], [], 'bbox')
    params = evaluation.params
    assert params.maxDets == [1, 10, 100] == list(MAX_DETS)
    assert params.areaRng[1:] == [[0, 32**2], [32**2, 96**2], [96**2, 1e5**2]]
    assert len(params.recThrs) == 101
    np.testing.assert_allclose(params.iouThrs, np.arange(10) / 20 + 0.5)


# ---- videos ----


def test_video_instances_are_those_of_trackeval(tmp_path: Path):
    stored = read('videos')
    metrics = FORMATS['ytvis'](*write_pair(tmp_path, stored))
    fields = stored['metrics']  # of ten IoU thresholds each
    for size, letter in (
        ('all', ''),
        ('area_s', 's'),
        ('area_m', 'm'),
        ('area_l', 'l'),
    ):
        found = fields[f'AP_{size}']
        assert metrics[f'AP{letter}'] == pytest.approx(np.mean(found), abs=1e-12)
        recalls = fields[f'AR_{size}']
        name = f'AR{letter}' if letter else 'AR100'
        assert metrics[name] == pytest.approx(np.mean(recalls), abs=1e-12)
        assert np.mean(found) > 0
    assert metrics['AP50'] == pytest.approx(fields['AP_all'][0], abs=1e-12)
    assert metrics['AP75'] == pytest.approx(fields['AP_all'][5], abs=1e-12)


def test_the_sizes_of_youtube_vis():
    assert AREA_RANGES[1:] == ((0, 128**2), (128**2, 256**2), (256**2, 1e10))


# ---- objects ----


def write_maps(folder: Path, codes: dict[str, list]) -> Path:
    for name, frames in codes.items():
        for t, objects in enumerate(frames):
            ids = np.zeros(SIZE_HW, np.uint8)
            for number, rle in objects.items():
                ids[decode_segmentation(rle, *SIZE_HW)] = int(number)
            path = folder / name / f'{t:05d}.png'
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(ids).save(path)
    return folder


@pytest.mark.parametrize('frames', ['inner', 'all'])
def test_objects_are_those_of_trackeval(tmp_path: Path, frames: str):
    stored = read('objects')
    gt = write_maps(tmp_path / 'gt', stored['ground_truth'])
    pred = write_maps(tmp_path / 'pred', stored['results'])
    metrics = FORMATS['davis'](gt, pred, frames=frames)
    ours = {**metrics['per_sequence'], 'mean': metrics['mean']}
    assert ours.keys() == stored['metrics'][frames].keys()
    for name, fields in stored['metrics'][frames].items():
        for field, value in fields.items():
            key = (
                field.replace('-', '_').lower().replace('j_', 'J_').replace('f_', 'F_')
            )
            key = 'J&F' if field == 'J&F' else key
            assert ours[name][key] == pytest.approx(value, abs=1e-12), (name, key)


def test_the_defaults_of_davis():
    assert (BOUND_TH, NUM_DECAY_BINS) == (0.008, 4)
    for frames in ('inner', 'after_first', 'all'):
        VideoObjectsEvaluator(frames)


# ---- boxes ----


@pytest.fixture
def sequences(tmp_path: Path) -> tuple[Path, Path, dict[str, dict[str, float]]]:
    stored = read('boxes')
    for name, ground_truth in stored['ground_truth'].items():
        folder = tmp_path / 'gt' / name
        folder.mkdir(parents=True)
        for file, rows in (
            ('groundtruth.txt', ground_truth['ground_truth']),
            ('cover.label', [[flag] for flag in ground_truth['cover']]),
        ):
            (folder / file).write_text(''.join(f'{str(row)[1:-1]}\n' for row in rows))
        size = 'resolution: ({}, {})'.format(*ground_truth['size_wh'])
        (folder / 'meta_info.ini').write_text(f'[METAINFO]\n{size}\n')
    for name, rows in stored['results'].items():
        path = tmp_path / 'pred' / name / f'{name}_001.txt'
        path.parent.mkdir(parents=True)
        path.write_text(''.join(f'{str(row)[1:-1]}\n' for row in rows))
    return tmp_path / 'gt', tmp_path / 'pred', stored['metrics']


def test_single_objects_are_those_of_the_toolkit_of_got10k(sequences):
    gt, pred, stored = sequences
    ours = FORMATS['sot'](gt, pred)['got10k']
    expected = stored['ExperimentGOT10k']
    assert ours['AO'] == pytest.approx(expected['ao'], abs=1e-12)
    assert ours['SR50'] == pytest.approx(expected['sr'], abs=1e-12)


def test_single_objects_are_those_of_the_toolkit_of_otb(sequences):
    gt, pred, stored = sequences
    for label in gt.rglob('cover.label'):  # OTB has none
        label.unlink()
    ours = FORMATS['sot'](gt, pred)['otb']
    expected = stored['ExperimentOTB']
    assert ours['AUC'] == pytest.approx(expected['success_score'], abs=1e-12)
    assert ours['precision'] == pytest.approx(expected['precision_score'], abs=1e-12)
    assert ours['SR50'] == pytest.approx(expected['success_rate'], abs=1e-12)


def test_the_thresholds_of_single_objects():
    counts = {name: rules.num_thresholds for name, rules in RULES.items()}
    assert counts == dict(otb=21, lasot=21, got10k=101, otb101=101)
