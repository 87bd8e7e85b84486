from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from mmdet.evaluation import CocoMetric
from pycocotools import mask as mask_utils

from helpers.tools import run_tool
from uninext.evaluation.result_files import evaluate_coco, evaluate_refexp

TOOL = 'tools/analysis_tools/eval_results.py'
COCO_EVAL = 'coco_eval'


def write(path: Path, value: object) -> Path:
    path.write_text(json.dumps(value))
    return path


def make_ground_truth() -> dict:
    annotation = dict(bbox=[2, 2, 6, 6], area=36, category_id=1, iscrowd=0)
    mask = np.zeros((20, 20), np.uint8, order='F')
    mask[2:8, 2:8] = 1
    rle = mask_utils.encode(mask)
    rle['counts'] = rle['counts'].decode()
    return dict(
        images=[
            dict(id=1, width=20, height=20, file_name='a', expressions=['x', 'y']),
            dict(id=2, width=20, height=20, file_name='a', expressions=['z']),
        ],
        annotations=[
            dict(id=1, image_id=1, segmentation=rle, **annotation),
            dict(id=2, image_id=2, segmentation=rle, **annotation),
        ],
        categories=[dict(id=1, name='object')],
    )


def test_an_empty_result_file_misses_everything(tmp_path: Path):
    gt, pred = write(tmp_path / 'gt', make_ground_truth()), write(tmp_path / 'pred', [])
    assert evaluate_coco(gt, pred)['bbox']['AP'] == 0
    metrics = evaluate_refexp(gt, pred)
    assert metrics['num_expressions'] == 3
    assert metrics['bbox']['P@0.5'] == 0


@pytest.mark.parametrize('kind', ['bbox', 'segm'])
def test_published_coco_metrics(data_dir: Path, kind: str):
    folder = data_dir / COCO_EVAL
    metrics = evaluate_coco(
        folder / 'instances_val2014_100.json',
        folder / f'instances_val2014_fake{kind}100_results.json',
    )
    expected = json.loads((folder / 'expected.json').read_text())[kind]
    assert list(metrics) == [kind]
    assert list(metrics[kind].values()) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize('kind', ['bbox', 'segm'])
def test_cocometric_gives_the_published_metrics(data_dir: Path, kind: str):
    folder = data_dir / COCO_EVAL
    gt_file = folder / 'instances_val2014_100.json'
    ground_truth = json.loads(gt_file.read_text())
    results = json.loads(
        (folder / f'instances_val2014_fake{kind}100_results.json').read_text()
    )
    metric = CocoMetric(str(gt_file), metric=kind, proposal_nums=(1, 10, 100))
    names = [category['name'] for category in ground_truth['categories']]
    label_of = {
        category['id']: i for i, category in enumerate(ground_truth['categories'])
    }
    metric.dataset_meta = dict(classes=names)
    for image in ground_truth['images']:
        mine = [r for r in results if r['image_id'] == image['id']]
        metric.process({}, [_as_sample(image, mine, label_of, kind)])
    metrics = metric.evaluate(len(ground_truth['images']))
    expected = json.loads((folder / 'expected.json').read_text())[kind]
    names = ['mAP', 'mAP_50', 'mAP_75', 'mAP_s', 'mAP_m', 'mAP_l']
    got = [metrics[f'coco/{kind}_{name}'] for name in names]
    assert got == pytest.approx(expected[:6], abs=5.1e-4)  # rounded to three digits


def _as_sample(image: dict, results: list[dict], label_of: dict, kind: str) -> dict:
    if kind == 'segm':
        boxes = [mask_utils.toBbox(r['segmentation']) for r in results]
    else:
        boxes = [r['bbox'] for r in results]
    xyxy = torch.tensor(np.array(boxes).reshape(-1, 4))
    xyxy[:, 2:] += xyxy[:, :2]
    pred = dict(
        bboxes=xyxy,
        scores=torch.tensor([r['score'] for r in results], dtype=torch.float64),
        labels=torch.tensor([label_of[r['category_id']] for r in results]).long(),
    )
    if kind == 'segm':
        masks = [mask_utils.decode(r['segmentation']).astype(bool) for r in results]
        size = image['height'], image['width']
        pred['masks'] = torch.tensor(np.array(masks).reshape(-1, *size))
    size = image['height'], image['width']
    return dict(img_id=image['id'], ori_shape=size, pred_instances=pred)


@pytest.mark.parametrize(('which', 'key'), [(0, 'first'), (-1, 'last')])
def test_published_referring_metrics(data_dir: Path, tmp_path: Path, which, key: str):
    folder = data_dir / 'rec'
    refs = json.loads((folder / 'refcoco_testA_unc_dets.json').read_text())
    expected = json.loads((folder / 'refcoco_testA_expected.json').read_text())
    images = [dict(id=i, expressions=[ref['sent']]) for i, ref in enumerate(refs)]
    annotations = [dict(image_id=i, bbox=ref['gt_box']) for i, ref in enumerate(refs)]
    pred = [
        dict(image_id=i, score=1, bbox=ref['pred_boxes'][which])
        for i, ref in enumerate(refs)
    ]
    ground_truth = dict(images=images, annotations=annotations)
    metrics = evaluate_refexp(
        write(tmp_path / 'g', ground_truth), write(tmp_path / 'p', pred)
    )
    assert metrics['num_expressions'] == expected['n']
    assert metrics['bbox']['P@0.5'] == expected[f'acc_{key}_box']


def test_records_count_every_expression_and_the_best_answer(tmp_path: Path):
    ground_truth = make_ground_truth()
    right = ground_truth['annotations'][0]
    mask = right['segmentation']
    wrong = dict(bbox=[10, 10, 5, 5], segmentation=mask)
    pred = [
        dict(image_id=1, expression='x', score=0.4, **wrong),
        dict(image_id=1, expression='x', score=0.5, bbox=right['bbox'],
             segmentation=mask),
        dict(image_id=2, score=0.1, **wrong),  # one expression: needs no name
    ]  # fmt: skip
    metrics = evaluate_refexp(
        write(tmp_path / 'gt', ground_truth), write(tmp_path / 'pred', pred)
    )
    assert metrics['num_expressions'] == 3
    assert metrics['bbox']['P@0.5'] == pytest.approx(1 / 3)
    assert metrics['segm']['P@0.5'] == pytest.approx(2 / 3)


def test_files_that_do_not_belong_together_are_refused(tmp_path: Path):
    gt = write(tmp_path / 'gt', make_ground_truth())
    stranger = [dict(image_id=9, category_id=1, bbox=[0, 0, 1, 1], score=1)]
    pred = write(tmp_path / 'pred', stranger)
    with pytest.raises(ValueError, match='record 0 is of image 9'):
        evaluate_coco(gt, pred)
    with pytest.raises(ValueError, match='record 0 is of image 9'):
        evaluate_refexp(gt, pred)
    with pytest.raises(ValueError, match='holds an object; expected results of COCO'):
        evaluate_coco(gt, gt)
    with pytest.raises(ValueError, match="no 'images'"):
        evaluate_coco(pred, pred)
    with pytest.raises(ValueError, match='COCO-style records'):
        evaluate_refexp(pred, pred)
    ground_truth = make_ground_truth()
    del ground_truth['images'][0]['expressions']
    with pytest.raises(ValueError, match='detection file'):
        evaluate_refexp(write(tmp_path / 'det', ground_truth), pred)
    ground_truth = make_ground_truth()
    ground_truth['annotations'].pop()
    with pytest.raises(ValueError, match='no annotation for image 2'):
        evaluate_refexp(
            write(tmp_path / 'short', ground_truth), write(tmp_path / 'e', [])
        )


def test_the_tool_prints_json_or_one_line_of_error(tmp_path: Path, capsys):
    gt, pred = write(tmp_path / 'gt', make_ground_truth()), write(tmp_path / 'pred', [])
    assert run_tool(TOOL, 'refexp', '--gt', gt, '--pred', pred) == 0
    assert json.loads(capsys.readouterr().out)['num_expressions'] == 3
    absent = str(tmp_path / 'absent.json')
    assert run_tool(TOOL, 'coco', '--gt', absent, '--pred', pred) == 2
    assert 'does not exist' in capsys.readouterr().err
    (tmp_path / 'broken').write_text('{')
    broken = tmp_path / 'broken'
    assert run_tool(TOOL, 'coco', '--gt', gt, '--pred', broken) == 2
    assert 'not valid JSON' in capsys.readouterr().err
    with pytest.raises(SystemExit):
        run_tool(TOOL, 'voc', '--gt', gt, '--pred', pred)
