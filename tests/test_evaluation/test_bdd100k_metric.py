from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.evaluator import Evaluator
from mmengine.structures import InstanceData
from pycocotools import mask as mask_utils

from helpers.bdd100k_scenes import SIZE_WH, make_scene
from helpers.equality_tracking import bdd_samples
from uninext.evaluation import BDD100KTrackingMetric
from uninext.evaluation.result_files import evaluate_bdd_mot, evaluate_bdd_mots
from uninext.formats.scalabel import BDD_THINGS
from uninext.registry import METRICS


def run(metric, samples, classes=BDD_THINGS) -> dict:
    evaluator = Evaluator(metric)
    evaluator.dataset_meta = dict(classes=classes)
    for sample in samples:
        evaluator.process([sample])
    return evaluator.evaluate(len(samples))


@pytest.mark.parametrize('similarity', ['bbox', 'segm'])
def test_no_predictions_miss_everything(similarity):
    ground_truth, _ = make_scene(0, num_frames=3, num_videos=1)
    nothing = [dict(frame, labels=[]) for frame in ground_truth]
    metrics = run(BDD100KTrackingMetric(similarity), bdd_samples(ground_truth, nothing))
    assert metrics['bdd100k/mIDF1'] == 0
    assert metrics['bdd100k/FP'] == 0
    assert metrics['bdd100k/FN'] > 0


@pytest.mark.parametrize(
    ('similarity', 'evaluate'),
    [('bbox', evaluate_bdd_mot), ('segm', evaluate_bdd_mots)],
)
def test_metrics_are_those_of_the_files(tmp_path: Path, similarity, evaluate):
    """From samples, from the scene's files, and from the files that are written."""
    ground_truth, predictions = make_scene(5, num_frames=6)
    (tmp_path / 'gt.json').write_text(json.dumps(ground_truth))
    (tmp_path / 'pred.json').write_text(json.dumps(predictions))
    out = tmp_path / 'out'
    metric = BDD100KTrackingMetric(similarity, outfile_prefix=str(out))
    metrics = run(metric, bdd_samples(ground_truth, predictions))
    expected = evaluate(tmp_path / 'gt.json', tmp_path / 'pred.json')
    assert sorted(path.name for path in out.iterdir()) == ['v0.json', 'v1.json']
    written = evaluate(tmp_path / 'gt.json', out)
    assert written == expected
    for key, value in expected.items():
        if not isinstance(value, dict):
            assert metrics[f'bdd100k/{key}'] == pytest.approx(value)


def test_a_pixel_goes_to_the_better_score(tmp_path: Path):
    ground_truth, _ = make_scene(0, num_frames=1, num_videos=1)
    masks = np.zeros((3, *SIZE_WH[::-1]), bool)
    masks[0, :, :30] = masks[1, :, 20:50] = masks[2, :, 25:30] = True
    (sample,) = bdd_samples(ground_truth, [dict(ground_truth[0], labels=[])])
    sample.pred_instances = InstanceData(
        bboxes=torch.zeros(3, 4),
        scores=torch.tensor([0.5, 0.9, 0.1]),
        labels=torch.zeros(3, dtype=torch.long),
        instances_ids=torch.tensor([4, 5, 6]),
        masks=torch.from_numpy(masks),
    )
    metric = BDD100KTrackingMetric(
        'segm', outfile_prefix=str(tmp_path), format_only=True
    )
    assert run(metric, [sample]) == {}
    (frame,) = json.loads((tmp_path / 'v0.json').read_text())
    found = {o['id']: mask_utils.decode(o['rle']) for o in frame['labels']}
    assert set(found) == {'4', '5'}
    np.testing.assert_array_equal(found['5'], masks[1])
    np.testing.assert_array_equal(found['4'], masks[0] & ~masks[1])


def test_wrong_use():
    with pytest.raises(ValueError, match='similarity must be one of'):
        BDD100KTrackingMetric('masks')
    ground_truth, predictions = make_scene(0, num_frames=1, num_videos=1)
    with pytest.raises(ValueError, match=r"has the classes \['dog'\]"):
        run(BDD100KTrackingMetric(), bdd_samples(ground_truth, predictions), ('dog',))
    assert METRICS.get('BDD100KTrackingMetric') is BDD100KTrackingMetric
