"""Scenes of a run, evaluated one by one by the run's own metric."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from mmengine.logging import MMLogger
from mmengine.structures import InstanceData

from uninext.formats.rle import decode_segmentation, encode_mask
from uninext.shapes.report.evaluated_scenes import (
    SCORE_THR,
    TRACK_SCORE_THR,
    SceneEvaluator,
)
from uninext.structures import Prompt, PromptStart, Target, UninextDataSample

HEIGHT, WIDTH = 12, 16
CLASSES = ('star', 'ring')
SOT = dict(type='SOTMetric', rules='lasot')
REFERRING = dict(type='ReferringMetric')
COCO = dict(type='CocoMetric', metric=['bbox', 'segm'], ann_file='not read')


def runner() -> Any:
    dataset = SimpleNamespace(metainfo=dict(classes=CLASSES))
    loader = SimpleNamespace(dataset=dataset)
    return SimpleNamespace(test_loop=SimpleNamespace(dataloader=loader))


def mask_of(box: tuple[int, int, int, int]) -> np.ndarray:
    mask = np.zeros((HEIGHT, WIDTH), bool)
    x1, y1, x2, y2 = box
    mask[y1:y2, x1:x2] = True
    return mask


def found(*boxes: tuple, scores: list[float], labels: list[int], **more) -> Any:
    return InstanceData(
        bboxes=torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4),
        scores=torch.tensor(scores),
        labels=torch.tensor(labels, dtype=torch.int64),
        masks=torch.from_numpy(np.stack([mask_of(b) for b in boxes])),
        **more,
    )


def ground_truth(box: tuple, label: int = 0, **more: Any) -> dict[str, Any]:
    mask = encode_mask(mask_of(box))
    return dict(bbox=list(box), bbox_label=label, mask=mask, ignore_flag=0, **more)


def image(prompt: Prompt, instances: list[dict], pred: Any) -> UninextDataSample:
    sample = UninextDataSample(
        metainfo=dict(
            img_id=3,
            img_path='a.jpg',
            ori_shape=(HEIGHT, WIDTH),
            img_shape=(HEIGHT, WIDTH),
            instances=instances,
        )
    )
    sample.prompt, sample.pred_instances = prompt, pred
    return sample


def video(boxes: list[tuple], predictions: list[tuple], video_id: int = 1) -> list:
    """A target and what was found, frame by frame; shown by its box."""
    samples = []
    for i, (box, prediction) in enumerate(zip(boxes, predictions)):
        target = Target(box_xyxy=torch.tensor(box, dtype=torch.float32))
        sample = UninextDataSample(
            metainfo=dict(
                video_id=video_id,
                frame_id=i,
                video_length=len(boxes),
                ori_shape=(HEIGHT, WIDTH),
                img_path=f'{i}.jpg',
                prompt_starts=[] if i else [PromptStart(target, 1)],
                instances=[ground_truth(box, instance_id=1)],
            )
        )
        ids = torch.ones(1, dtype=torch.int64)
        sample.pred_instances = found(
            prediction, scores=[0.1], labels=[0], instances_ids=ids
        )
        samples.append(sample)
    return samples


def evaluate(evaluator: dict, *batches: list) -> list:
    hook = SceneEvaluator(evaluator)
    for i, batch in enumerate(batches):
        hook.after_test_iter(runner(), i, None, batch)
    return hook.scenes


def test_nothing_is_evaluated_of_nothing():
    assert evaluate(SOT) == evaluate(SOT, []) == []
    assert SceneEvaluator(SOT).after_test_iter(runner(), 0) is None
    pred = found((1, 1, 4, 4), scores=[0.9], labels=[0])
    assert evaluate(COCO, [image(Prompt.from_categories(CLASSES), [], pred)]) == []


def test_an_image_asked_by_names_is_evaluated_alone():
    box, other = (2, 2, 10, 8), (0, 0, 2, 2)
    pred = found(box, other, other, scores=[0.9, SCORE_THR, 0.4], labels=[1, 0, 0])
    right = image(Prompt.from_categories(CLASSES), [ground_truth(box, 1)], pred)
    wrong = image(Prompt.from_categories(CLASSES), [ground_truth(other, 1)], pred)
    first, second = evaluate(COCO, [right], [wrong])
    assert first.metrics['coco/bbox_mAP'] == pytest.approx(1)
    assert first.metrics['coco/segm_mAP'] == pytest.approx(1)
    assert second.metrics['coco/bbox_mAP'] == pytest.approx(0)
    assert (first.prompt, first.names) == ('star, ring', CLASSES)
    (frame,) = first.frames
    assert frame.path == 'a.jpg'
    assert frame.predictions.bboxes.tolist() == [list(box), list(other)]  # by score_thr
    assert frame.predictions.labels.tolist() == [1, 0]
    assert 'instances_ids' not in frame.predictions
    mask = decode_segmentation(frame.predictions.masks[0], HEIGHT, WIDTH)
    assert np.array_equal(mask, mask_of(box))
    assert frame.ground_truth.labels.tolist() == [1]
    assert frame.ground_truth.bboxes.tolist() == [list(box)]


def test_an_expression_keeps_its_answer_however_unsure():
    box = (2, 2, 10, 8)
    pred = found(box, scores=[0.01], labels=[0])
    sample = image(Prompt.from_expression('the star'), [ground_truth(box)], pred)
    (scene,) = evaluate(REFERRING, [sample])
    assert scene.metrics['refexp/bbox_mIoU'] == pytest.approx(1)
    assert (scene.prompt, scene.names) == ('the star', ('target',))
    assert len(scene.frames[0].predictions) == 1


def test_videos_are_evaluated_one_by_one_though_they_come_mixed():
    box, far = (2, 2, 10, 8), (11, 9, 15, 12)
    good, bad = video([box] * 3, [box] * 3), video([box] * 3, [far] * 3, video_id=2)
    mixed = [[g, b] for g, b in zip(good, bad)]
    scenes = evaluate(SOT, *mixed)
    assert [s.metrics['sot/AUC'] for s in scenes] == [
        pytest.approx(evaluate(SOT, *[[s] for s in part])[0].metrics['sot/AUC'])
        for part in (good, bad)
    ]
    assert scenes[0].metrics['sot/AUC'] > 0.9 > scenes[1].metrics['sot/AUC']
    assert scenes[0].prompt == 'the object shown by a box'
    assert [frame.path for frame in scenes[0].frames] == ['0.jpg', '1.jpg', '2.jpg']
    assert scenes[0].frames[0].predictions.instances_ids.tolist() == [1]


def test_a_video_that_did_not_end_is_no_scene():
    samples = video([(1, 1, 5, 5)] * 3, [(1, 1, 5, 5)] * 3)
    assert evaluate(SOT, *[[s] for s in samples[:2]]) == []


def test_what_a_tracker_reports_is_drawn_from_a_lower_score_on():
    (sample,) = video([(2, 2, 10, 8)], [(2, 2, 10, 8)])
    sample.set_metainfo(
        dict(prompt_starts=[PromptStart(Prompt.from_categories(CLASSES))])
    )
    for score, count in ((TRACK_SCORE_THR, 1), (TRACK_SCORE_THR - 0.01, 0)):
        sample.pred_instances.scores[:] = score
        (scene,) = evaluate(SOT, [sample])
        assert (scene.prompt, len(scene.frames[0].predictions)) == ('star, ring', count)


def test_tracks_that_are_not_sure_are_left_out():
    (sample,) = video([(2, 2, 10, 8)], [(2, 2, 10, 8)])
    sample.pred_instances.instances_ids -= 2
    (scene,) = evaluate(SOT, [sample])
    assert len(scene.frames[0].predictions) == 0


@pytest.mark.parametrize(
    ('targets', 'text'),
    [
        ([Target(box_xyxy=torch.tensor([1.0, 1, 4, 4]))], 'the object shown by a box'),
        ([Target(mask=torch.ones(4, 4).bool())], 'the object shown by a mask'),
        ([Target(mask=torch.ones(4, 4).bool())] * 2, '2 objects shown by masks'),
        (
            [Target(box_xyxy=torch.tensor([1.0, 1, 4, 4]))] * 3,
            '3 objects shown by boxes',
        ),
    ],
)
def test_targets_are_asked_for_in_words(targets: list[Target], text: str):
    (sample,) = video([(2, 2, 10, 8)], [(2, 2, 10, 8)])
    shown = [PromptStart(target, i) for i, target in enumerate(targets)]
    sample.set_metainfo(dict(prompt_starts=shown))
    assert evaluate(SOT, [sample])[0].prompt == text


def test_the_log_speaks_again_afterwards():
    logger = MMLogger.get_current_instance()
    evaluate(SOT, *[[s] for s in video([(1, 1, 5, 5)], [(1, 1, 5, 5)])])
    assert not logger.disabled
