from __future__ import annotations

import json
import multiprocessing
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from mmdet.evaluation import MultiDatasetsEvaluator
from mmengine.evaluator import Evaluator
from mmengine.structures import InstanceData

from uninext.evaluation import ReferringMetric
from uninext.registry import METRICS
from uninext.structures import Prompt, UninextDataSample

SIZE = (20, 30)
TARGET = [4.0, 5.0, 14.0, 15.0]


def make_mask(box: list[float]) -> torch.Tensor:
    mask = torch.zeros(SIZE, dtype=torch.bool)
    x1, y1, x2, y2 = (int(value) for value in box)
    mask[y1:y2, x1:x2] = True
    return mask


def make_polygon(box: list[float]) -> list[list[float]]:
    x1, y1, x2, y2 = box
    return [[x1, y1, x2, y1, x2, y2, x1, y2]]


def make_sample(
    boxes: list, scores: list, img_id: int = 1, expression: str = 'a dog', **target
) -> UninextDataSample:
    target = {'bbox': TARGET, 'bbox_label': 0, 'ignore_flag': 0, **target}
    sample = UninextDataSample(
        metainfo=dict(
            img_id=img_id, ori_shape=SIZE, scale_factor=(2.0, 2.0), instances=[target]
        )
    )
    sample.prompt = Prompt.from_expression(expression)
    sample.pred_instances = InstanceData(
        bboxes=torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4),
        scores=torch.tensor(scores, dtype=torch.float32),
        labels=torch.zeros(len(boxes), dtype=torch.long),
        masks=torch.stack([make_mask(box) for box in boxes])
        if boxes
        else torch.zeros((0, *SIZE), dtype=torch.bool),
    )
    return sample


def evaluate(samples: list[UninextDataSample], **kwargs) -> dict[str, float]:
    evaluator = Evaluator(ReferringMetric(**kwargs))
    for sample in samples:
        evaluator.process([sample])
    return evaluator.evaluate(len(samples))


def test_a_run_that_finds_nothing_is_all_misses(tmp_path: Path):
    sample = make_sample([], [], mask=make_polygon(TARGET))
    metrics = evaluate([sample], outfile_prefix=str(tmp_path / 'new' / 'val'))
    assert metrics['refexp/bbox_P@0.5'] == 0
    assert metrics['refexp/segm_oIoU'] == 0
    assert json.loads((tmp_path / 'new/val_instances_results.json').read_text()) == []


def test_predictions_without_any_field_are_a_miss():
    sample = make_sample([], [])
    sample.pred_instances = InstanceData()
    assert evaluate([sample])['refexp/bbox_P@0.5'] == 0


def test_the_best_score_answers():
    wrong = [20.0, 0.0, 28.0, 8.0]
    right = make_sample([wrong, TARGET], [0.2, 0.9], mask=make_polygon(TARGET))
    miss = make_sample([wrong, TARGET], [0.9, 0.2], mask=make_polygon(TARGET))
    metrics = evaluate([right, miss, miss, right])
    for kind in ('bbox', 'segm'):
        assert metrics[f'refexp/{kind}_P@0.5'] == 0.5
        assert metrics[f'refexp/{kind}_P@mean'] == 0.5
        assert metrics[f'refexp/{kind}_mIoU'] == 0.5
        assert metrics[f'refexp/{kind}_oIoU'] == pytest.approx(200 / (200 + 2 * 164))


def test_ground_truth_is_read_in_the_frame_of_the_original_image():
    sample = make_sample([TARGET], [0.5], mask=make_polygon(TARGET))
    resized = torch.tensor([TARGET]) * 2
    sample.gt_instances = InstanceData(bboxes=resized, labels=torch.tensor([0]))
    metrics = evaluate([sample])
    assert metrics['refexp/bbox_mIoU'] == 1
    assert metrics['refexp/segm_mIoU'] == 1


def test_targets_without_a_mask_count_for_boxes_only():
    samples = [
        make_sample([TARGET], [0.5], mask=make_polygon(TARGET)),
        make_sample([[0.0, 0.0, 1.0, 1.0]], [0.5]),
    ]
    metrics = evaluate(samples)
    assert metrics['refexp/bbox_P@0.5'] == 0.5
    assert metrics['refexp/segm_P@0.5'] == 1
    assert not any('segm' in key for key in evaluate(samples[1:]))


def test_an_expression_without_a_target_does_not_count():
    sample = make_sample([TARGET], [0.5])
    hollow = make_sample([TARGET], [0.5], ignore_flag=1)
    assert evaluate([sample, hollow], metric='bbox')['refexp/bbox_P@0.5'] == 1
    assert evaluate([hollow], metric='bbox') == {}


def test_every_expression_about_an_object_leaves_a_record(tmp_path: Path):
    samples = [
        make_sample([TARGET], [0.5], expression='A dog!', mask=make_polygon(TARGET)),
        make_sample([TARGET], [0.25], expression='my dog', mask=make_polygon(TARGET)),
    ]
    samples[1].set_metainfo({'expression': 'My dog, the brown'})
    evaluate(samples, outfile_prefix=str(tmp_path / 'val'))
    records = json.loads((tmp_path / 'val_instances_results.json').read_text())
    assert [r['expression'] for r in records] == ['A dog!', 'My dog, the brown']
    assert records[0]['bbox'] == [4, 5, 10, 10]
    assert records[0]['segmentation']['size'] == list(SIZE)
    assert {r['category_id'] for r in records} == {1}


def test_boxes_alone_need_no_masks():
    sample = make_sample([TARGET], [0.5])
    del sample.pred_instances.masks
    assert evaluate([sample], metric=['bbox'])['refexp/bbox_P@0.9'] == 1
    with pytest.raises(ValueError, match="set metric='bbox'"):
        evaluate([sample])


def test_errors_say_what_to_do():
    with pytest.raises(ValueError, match='metric must be'):
        ReferringMetric(metric='box')
    with pytest.raises(ValueError, match='metric must be'):
        ReferringMetric(metric=[])
    sample = make_sample([TARGET], [0.5])
    sample.set_metainfo({'instances': sample.instances * 2})
    with pytest.raises(ValueError, match='has 2'):
        evaluate([sample])
    bare = UninextDataSample(metainfo=dict(img_id=3))
    bare.pred_instances = InstanceData()
    with pytest.raises(ValueError, match="meta key 'instances'"):
        evaluate([bare])


def test_a_config_finds_it_beside_mmdets_metric_of_another_name():
    assert isinstance(METRICS.build(dict(type='ReferringMetric')), ReferringMetric)
    assert METRICS.get('RefExpMetric').__module__.startswith('mmdet')


def test_samples_of_a_detection_set_beside_it_are_passed_over():
    detection = make_sample([TARGET], [0.5])
    detection.prompt = Prompt.from_categories(['cat', 'dog'])
    detection.set_metainfo({'instances': detection.instances * 2})
    right = make_sample([TARGET], [0.5])
    evaluator = MultiDatasetsEvaluator(
        [ReferringMetric(metric='bbox'), ReferringMetric(metric='bbox')], ['a', 'b']
    )
    evaluator.dataset_meta = dict(classes=('object',), cumulative_sizes=[1, 3])
    evaluator.metrics[0].compute_metrics = lambda results: {}
    for sample in (detection, right, right):
        evaluator.process([sample])
    assert evaluator.evaluate(3)['b/refexp/bbox_P@0.5'] == 1
    with pytest.raises(ValueError, match='asked for by category names'):
        evaluate([detection])


def _evaluate_rank(rank: int, store: str, results: multiprocessing.Queue) -> None:
    torch.set_num_threads(1)
    dist.init_process_group(
        'gloo', init_method=f'file://{store}', rank=rank, world_size=2
    )
    # Three expressions on two ranks: the last of rank 1 is padding.
    wrong = [20.0, 0.0, 28.0, 8.0]
    metric = ReferringMetric(metric='bbox')
    for box in ([TARGET, wrong], [TARGET, TARGET])[rank]:
        metric.process({}, [make_sample([box], [0.5]).to_dict()])
    results.put((rank, metric.evaluate(3)['refexp/bbox_P@0.5']))
    dist.destroy_process_group()


def test_two_processes_see_the_same_whole_set(tmp_path: Path):
    context = multiprocessing.get_context('fork')
    results = context.Queue()
    ranks = [
        context.Process(target=_evaluate_rank, args=(r, str(tmp_path / 's'), results))
        for r in range(2)
    ]
    for process in ranks:
        process.start()
    metrics = dict(results.get(timeout=60) for _ in ranks)
    for process in ranks:
        process.join()
    assert metrics == {0: pytest.approx(2 / 3), 1: pytest.approx(2 / 3)}
