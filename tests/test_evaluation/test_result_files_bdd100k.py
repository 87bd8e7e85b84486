from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as mask_utils

from helpers.bdd100k_scenes import NAMES, SIZE_WH, make_frame, make_label, make_scene
from helpers.tools import run_tool
from uninext.evaluation.evaluators import bdd100k
from uninext.evaluation.functional import bdd100k_tracking
from uninext.evaluation.result_files import FORMATS
from uninext.evaluation.result_files.bdd100k import (
    evaluate_bdd_det,
    evaluate_bdd_insseg,
    evaluate_bdd_mot,
    evaluate_bdd_mots,
)
from uninext.formats.scalabel import BDD_THINGS

TOOL = 'tools/analysis_tools/eval_results.py'
BOX_TRACK = 'bdd_eval/box_track/track_sample_anns.json'


@pytest.fixture
def scene(tmp_path: Path):
    def write(ground_truth: list, predictions: list) -> tuple[Path, Path]:
        paths = tmp_path / 'gt.json', tmp_path / 'pred.json'
        for path, content in zip(paths, (ground_truth, predictions)):
            path.write_text(json.dumps(content))
        return paths

    return write


def in_percent(metrics: dict) -> dict:
    """As the toolkit prints them; counts stay."""
    return {k: v if isinstance(v, int) else 100 * v for k, v in metrics.items()}


def write_bitmasks(folder: Path, frames: list[dict]) -> None:
    for frame in frames:
        pixels = np.zeros((*SIZE_WH[::-1], 4), np.uint8)
        for label in frame['labels']:
            category = BDD_THINGS.index(label['category']) + 1
            crowd = 2 * bool(label.get('attributes', {}).get('crowd'))
            mask = mask_utils.decode(label['rle']).astype(bool)
            pixels[mask] = category, crowd, 0, int(label['id'])
        path = folder / frame['videoName'] / f'{Path(frame["name"]).stem}.png'
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)


@pytest.mark.parametrize('evaluate', [evaluate_bdd_mot, evaluate_bdd_mots])
def test_no_predictions_miss_everything(scene, evaluate):
    ground_truth, _ = make_scene(0)
    metrics = evaluate(*scene(ground_truth, []))
    objects = [
        o for f in ground_truth for o in f['labels'] if not o['attributes']['crowd']
    ]
    assert (metrics['FN'], metrics['FP'], metrics['mIDF1']) == (len(objects), 0, 0)
    assert metrics['classes']['bus']['IDF1'] is None
    empty = evaluate(*scene([make_frame(0, [])], []))
    assert (empty['mIDF1'], empty['IDF1']) == (0, None)


@pytest.mark.parametrize('evaluate', [evaluate_bdd_det, evaluate_bdd_insseg])
def test_no_predictions_find_nothing(scene, evaluate):
    ground_truth = make_scene(0, num_videos=1)[0]
    metrics = evaluate(*scene(ground_truth, []))
    assert (metrics['AP'], metrics['AR100']) == (0, 0)
    assert metrics['classes']['bus']['AP'] is None
    assert metrics['APl'] is None


@pytest.mark.slow
def test_published_tracking_metrics(data_dir: Path):
    folder = data_dir / 'bdd_eval'
    metrics = evaluate_bdd_mot(
        folder / 'box_track/track_sample_anns.json',
        folder / 'box_track/track_predictions.json',
        single_precision=True,  # as when they were published
    )
    expected = json.loads((folder / 'expected.json').read_text())['box_track (MOT)']
    found = in_percent({k: metrics[k] for k in expected})
    assert found == pytest.approx(expected, abs=1e-12)


@pytest.mark.slow
def test_published_detection_metrics(data_dir: Path, capsys):
    folder = data_dir / 'bdd_eval'
    paths = ['--gt', str(data_dir / BOX_TRACK)]
    paths += ['--pred', str(folder / 'det/bbox_predictions.json')]
    assert run_tool(TOOL, 'bdd-det', *paths) == 0
    metrics = json.loads(capsys.readouterr().out)
    expected = json.loads((folder / 'expected.json').read_text())
    expected = expected['det (GT = box_track/track_sample_anns.json)']
    found = in_percent({k: metrics[k] for k in expected})
    assert found == pytest.approx(expected, abs=1e-12)


def test_predictions_without_boxes_are_none(data_dir: Path):
    pred = data_dir / 'bdd_eval/det/bbox_predictions_empty.json'
    assert evaluate_bdd_det(data_dir / BOX_TRACK, pred)['AP'] == 0


@pytest.mark.parametrize(
    ('seed', 'expected'),
    [
        (
            0,
            {
                'MOTA': 16.770186335403725,
                'MOTP': 66.57315346419003,
                'IDF1': 50.0,
                'mMOTA': 6.199357707509881,
                'mMOTP': 33.058105020373816,
                'mIDF1': 25.350139844987133,
                'counts': [55, 69, 10, 4, 16, 0, 25],
                'groups': [16.666666666666664, 10.909090909090914, 23.913043478260864],
                'detection': [
                    12.154571996354099,
                    39.35185486038036,
                    1.3285717659422471,
                    9.85943675889328,
                    23.059659090909086,
                ],
            },
        ),
        (
            1,
            {
                'MOTA': 20.441988950276247,
                'MOTP': 66.64172452836054,
                'IDF1': 47.35202492211838,
                'mMOTA': 9.068088978884779,
                'mMOTP': 33.59780721663113,
                'mIDF1': 23.540253167336363,
                'counts': [46, 87, 11, 1, 19, 1, 22],
                'groups': [26.470588235294112, 7.692307692307687, 15.094339622641506],
                'detection': [
                    12.630394877842049,
                    37.83176609838174,
                    3.733039970663733,
                    14.81911606348612,
                    21.76892352170045,
                ],
            },
        ),
    ],
)
def test_metrics_of_the_toolkit(scene, seed, expected):
    """Golden numbers: scalabel 0.3.1 with motmetrics 1.4.0 on the same scenes.

    All 3,888 metrics of eight scenes agreed to 2e-14 when this was written.
    """
    paths = scene(*make_scene(seed))
    metrics = evaluate_bdd_mots(*paths)
    for key in ('MOTA', 'MOTP', 'IDF1'):
        new = key.replace('MOT', 'MOTS')
        assert 100 * metrics[new] == pytest.approx(expected[key], abs=1e-9)
        assert 100 * metrics[f'm{new}'] == pytest.approx(expected[f'm{key}'], abs=1e-9)
    counts = ('FP', 'FN', 'IDSw', 'MT', 'PT', 'ML', 'FM')
    assert [metrics[key] for key in counts] == expected['counts']
    groups = metrics['super_classes']
    for name, value in zip(('human', 'vehicle', 'bike'), expected['groups']):
        assert 100 * groups[name]['MOTSA'] == pytest.approx(value, abs=1e-9)
    metrics = evaluate_bdd_insseg(*paths)
    found = [100 * metrics[key] for key in ('AP', 'AP50', 'AP75', 'AR1', 'AR100')]
    assert found == pytest.approx(expected['detection'], abs=1e-9)


def test_masks_that_are_boxes_count_as_boxes(scene):
    """Boxes and masks go by separate code; on rectangles they must agree."""
    paths = scene(*make_scene(3))
    boxes, masks = evaluate_bdd_mot(*paths), evaluate_bdd_mots(*paths)
    assert masks['mMOTSA'] == boxes['mMOTA']
    assert masks['MOTSP'] == pytest.approx(boxes['MOTP'])
    for name in NAMES:
        values = list(boxes['classes'][name].values())
        assert list(masks['classes'][name].values()) == pytest.approx(values)
    assert evaluate_bdd_det(*paths)['AP'] == evaluate_bdd_insseg(*paths)['AP']


def test_bitmasks_count_as_run_lengths(scene, tmp_path: Path):
    ground_truth, predictions = make_scene(4)
    from_json = evaluate_bdd_mots(*scene(ground_truth, predictions))
    write_bitmasks(tmp_path / 'gt', ground_truth)
    write_bitmasks(tmp_path / 'pred', predictions)
    from_images = evaluate_bdd_mots(tmp_path / 'gt', tmp_path / 'pred')
    assert from_images == from_json
    with pytest.raises(ValueError, match='predictions without "score"'):
        evaluate_bdd_insseg(tmp_path / 'gt', tmp_path / 'pred')


def test_crowds_swallow_spare_predictions(scene):
    region = make_label(1, 'car', (0, 0, 20, 20), attributes=dict(crowd=True))
    other = make_label(2, 'other vehicle', (40, 0, 20, 20))
    inside = make_label(1, 'pedestrian', (2, 2, 6, 6))
    beside = make_label(2, 'car', (45, 5, 5, 5))
    outside = make_label(3, 'car', (70, 40, 5, 5))
    frames = (
        [make_frame(0, [region, other])],
        [make_frame(0, [inside, beside, outside])],
    )
    for evaluate in (evaluate_bdd_mot, evaluate_bdd_mots):
        metrics = evaluate(*scene(*frames))
        assert (metrics['FP'], metrics['FN']) == (1, 0)
        assert metrics['classes']['car']['FP'] == 1


def test_labels_that_are_not_evaluated(scene):
    """Without a box or mask, or of a class that only detection has."""
    car = make_label(1, 'car', (0, 0, 9, 9), score=0.5)
    bare = dict(id='2', category='car', score=0.5)
    sign = make_label(3, 'traffic sign', (40, 0, 9, 9), score=0.5)
    paths = scene([make_frame(0, [car])], [make_frame(0, [car, bare])])
    assert evaluate_bdd_mot(*paths)['FP'] == evaluate_bdd_mots(*paths)['FP'] == 0
    paths = scene([make_frame(0, [car, sign])], [make_frame(0, [sign, car])])
    assert evaluate_bdd_insseg(*paths)['AP'] == pytest.approx(1)
    assert evaluate_bdd_det(*paths)['classes']['traffic sign']['AP'] == (
        pytest.approx(1)
    )


def test_frames_with_overlapping_predictions_are_left_out(scene):
    apart = [make_label(1, 'car', (0, 0, 9, 9)), make_label(2, 'bus', (20, 0, 9, 9))]
    over = [make_label(1, 'car', (0, 0, 9, 9)), make_label(2, 'bus', (8, 0, 9, 9))]
    ground_truth = [make_frame(i, apart) for i in range(2)]
    paths = scene(ground_truth, [make_frame(0, apart), make_frame(1, over)])
    with pytest.warns(UserWarning, match='predictions of 1 frames'):
        metrics = evaluate_bdd_mots(*paths)
    assert (metrics['FN'], metrics['FP']) == (2, 0)


def test_hota_of_perfect_and_of_lost_tracks(scene, monkeypatch):
    ground_truth = [
        make_frame(i, [make_label(1, 'car', (0, 0, 9, 9))]) for i in range(2)
    ]
    metrics = evaluate_bdd_mot(*scene(ground_truth, ground_truth))
    assert metrics['classes']['car']['HOTA'] == pytest.approx(1)
    assert metrics['mHOTA'] == pytest.approx(1 / 8)
    assert evaluate_bdd_mot(*scene(ground_truth, []))['mHOTA'] == 0
    monkeypatch.setattr(bdd100k, 'find_spec', lambda name: None)
    with pytest.warns(UserWarning, match='HOTA is left out'):
        metrics = evaluate_bdd_mots(*scene(ground_truth, ground_truth))
    assert 'mHOTA' not in metrics
    assert metrics['mMOTSA'] == 1 / 8


@pytest.mark.parametrize(
    ('ground_truth', 'predictions', 'message'),
    [
        ([], [], 'has no frame'),
        ([make_frame(0, [])], [make_frame(5, [])], '1 frames of .* are not in'),
        (
            [make_frame(0, [])],
            [make_frame(0, [make_label(1, 'tram', (0, 0, 5, 5))])],
            'has labels of tram',
        ),
        (
            [make_frame(0, [])],
            [make_frame(0, [make_label(1, 'car', (x, 0, 5, 5)) for x in (0, 9)])],
            "the id '1' twice among car",
        ),
    ],
)
def test_files_that_do_not_fit(scene, capsys, ground_truth, predictions, message):
    gt, pred = scene(ground_truth, predictions)
    with pytest.raises(ValueError, match=message):
        evaluate_bdd_mot(gt, pred)
    assert run_tool(TOOL, 'bdd-mots', '--gt', gt, '--pred', pred) == 2
    assert 'error: ' in capsys.readouterr().err


def test_images_that_do_not_fit(scene):
    frame = make_frame(0, [make_label(1, 'car', (0, 0, 5, 5))])
    with pytest.raises(ValueError, match='without "score"'):
        evaluate_bdd_det(*scene([frame], [frame]))
    with pytest.raises(ValueError, match=r'frame 1 .*twice, first in .*frame 0'):
        evaluate_bdd_det(*scene([frame, frame], []))
    with pytest.raises(ValueError, match='1 images of .* are not in'):
        evaluate_bdd_det(*scene([frame], [make_frame(3, [])]))
    rle = dict(size=[4, 4], counts=[16])
    small = dict(id='1', category='car', score=1.0, rle=rle)
    with pytest.raises(ValueError, match='has the size'):
        evaluate_bdd_insseg(*scene([frame], [make_frame(0, [small])]))


def test_sizes_come_from_masks_and_polygons_need_none(scene):
    """Labels without "size": that of the RLE, or BDD100K's 1280 x 720."""
    label = make_label(1, 'car', (2, 3, 9, 9), score=0.9)
    frame = make_frame(0, [label])
    del frame['size']
    assert evaluate_bdd_insseg(*scene([frame], [frame]))['AP'] == pytest.approx(1)
    outline = [[2, 3], [11, 3], [11, 12], [2, 12]]
    polygon = {k: label[k] for k in ('id', 'category', 'score')}
    polygon['poly2d'] = [dict(vertices=outline, types='LLLL', closed=True)]
    drawn = dict(frame, labels=[polygon])
    assert evaluate_bdd_insseg(*scene([drawn], [frame]))['AP'] == pytest.approx(1)
    assert evaluate_bdd_insseg(*scene([drawn], [drawn]))['AP'] == pytest.approx(1)


def one(**changes) -> dict:
    """A label with box, mask and score, changed; None takes a key away."""
    label = {**make_label(1, 'car', (2, 3, 9, 9), score=0.5), **changes}
    return {key: value for key, value in label.items() if value is not None}


def cut_off(label: dict) -> dict:
    rle = dict(label['rle'], counts=label['rle']['counts'][:-1])
    return dict(label, rle=rle)


BOX = dict(x1=1, y1=1, x2=5, y2=5)


@pytest.mark.parametrize('side', ['gt', 'pred'])
@pytest.mark.parametrize(
    ('labels', 'match'),
    [
        ([one(box2d=dict(BOX, x1=float('nan')))], 'label 0: x1 of box2d is not finite'),
        ([one(box2d=dict(BOX, x1=None))], 'label 0: x1 of box2d must be a number'),
        ([one(box2d=dict(x1=1))], "label 0: no 'y1'"),
        ([one(), one(category=None)], "label 1: no 'category'"),
        ([one(category=3)], 'category must be a name, got 3'),
        ([one(id=None)], 'label 0 has no "id"'),
        ([one(category='tram')], 'label 0 has labels of tram'),
        ([one(score='0.9')], "label 0: score must be a number, got '0.9'"),
        ([one(score=float('nan'))], 'score is not finite'),
        ([cut_off(one())], "label 0: The 'counts' of a mask break off"),
        ([one(), one()], r"the id '1' twice among car"),
    ],
)
def test_labels_that_are_wrong_are_named(scene, side, labels, match):
    """In 97ef9bd: hangs, numbers without a word, and bare tracebacks."""
    fine, wrong = make_frame(0, [one()]), make_frame(1, labels)
    pair = [[fine, make_frame(1, [one()])], [fine, make_frame(1, [one()])]]
    pair[side == 'pred'][1] = wrong
    paths = scene(*pair)
    for evaluate in (evaluate_bdd_mot, evaluate_bdd_mots):
        with pytest.raises(ValueError, match=match) as caught:
            evaluate(*paths)
        assert f'{paths[side == "pred"]}, frame 1' in str(caught.value)


@pytest.mark.parametrize(
    ('evaluate', 'missing'),
    [
        (evaluate_bdd_mot, 'box2d'),
        (evaluate_bdd_mots, 'rle'),
        (evaluate_bdd_det, 'box2d'),
        (evaluate_bdd_insseg, 'rle'),
    ],
)
def test_boxes_where_masks_are_due_and_the_other_way_round(scene, evaluate, missing):
    fine = [make_frame(0, [one(), one(id='2')])]
    bare = [make_frame(0, [one(), one(id='2', **{missing: None})])]
    gt, pred = scene(fine, bare)
    with pytest.raises(ValueError, match=f'pred.json, frame 0 .*no "{missing}"'):
        evaluate(gt, pred)
    gt, pred = scene([make_frame(0, [one(**{missing: None})])], fine)
    with pytest.raises(ValueError, match=f'gt.json, frame 0 .*no "{missing}"'):
        evaluate(gt, pred)
    # Of ground truth, single labels may lack it.
    scene(bare, fine)
    evaluate(gt, pred)


def test_frames_that_are_there_twice(scene):
    frames = [make_frame(i, [one()]) for i in range(2)]
    again = dict(frames[1], name='other.jpg')
    for evaluate in (evaluate_bdd_mot, evaluate_bdd_mots):
        for pair in (([*frames, frames[1]], frames), (frames, [*frames, frames[1]])):
            with pytest.raises(ValueError, match='frame 2 .*twice, first in .*frame 1'):
                evaluate(*scene(*pair))
        # of another name, but the same place in the video
        for pair in (([*frames, again], frames), (frames, [*frames, again])):
            with pytest.raises(
                ValueError, match='frame [12] .*twice, first in .*frame [12]'
            ):
                evaluate(*scene(*pair))
    for evaluate in (evaluate_bdd_det, evaluate_bdd_insseg):
        with pytest.raises(ValueError, match='pred.json, frame 2 .*there twice'):
            evaluate(*scene(frames, [*frames, frames[0]]))


def test_frames_go_by_video_and_index(scene):
    """The toolkit's own sample has .png beside .jpg; names need not agree at all."""
    ground_truth, predictions = make_scene(2, num_frames=4)
    expected = evaluate_bdd_mots(*scene(ground_truth, predictions))
    for name in ('{}.png', 'any/{}.png', 'seen-{}.png'):
        named = [
            dict(frame, name=name.format(Path(frame['name']).stem))
            for frame in predictions
        ]
        assert evaluate_bdd_mots(*scene(ground_truth, named)) == expected
    bare = [{k: v for k, v in f.items() if k != 'frameIndex'} for f in predictions]
    assert evaluate_bdd_mots(*scene(ground_truth, bare)) == expected
    shifted = [dict(f, frameIndex=f['frameIndex'] + 1) for f in predictions]
    with pytest.raises(ValueError, match='by its name it is frame 0 .*frameIndex fra'):
        evaluate_bdd_mots(*scene(ground_truth, shifted))
    with pytest.raises(ValueError, match='frameIndex must be a whole number, got 0.5'):
        evaluate_bdd_mots(*scene(ground_truth, [dict(predictions[0], frameIndex=0.5)]))
    alone = [{k: v for k, v in f.items() if k != 'videoName'} for f in predictions]
    with pytest.raises(ValueError, match='has no "videoName"'):
        evaluate_bdd_mots(*scene(ground_truth, alone))


def test_images_of_unknown_classes(scene):
    """They were dropped without a word, and AP was that of the rest."""
    fine, odd = [make_frame(0, [one()])], [make_frame(0, [one(category='tram')])]
    for evaluate in (evaluate_bdd_det, evaluate_bdd_insseg):
        for pair in ((fine, odd), (odd, fine)):
            with pytest.raises(ValueError, match='label 0 has labels of tram'):
                evaluate(*scene(*pair))


def test_metrics_are_shares(scene):
    ground_truth, predictions = make_scene(1)
    paths = scene(ground_truth, predictions)
    for name in ('bdd-mot', 'bdd-mots', 'bdd-det', 'bdd-insseg'):
        found = FORMATS[name](*paths)
        for metrics in (found, *found['classes'].values()):
            rates = [v for v in metrics.values() if isinstance(v, float)]
            assert max(rates, default=0) <= 1


def test_boxes_in_single_precision(scene):
    ground_truth, predictions = make_scene(1)
    for frame in predictions:
        for label in frame['labels']:
            label['box2d'] = {k: v + 0.1 for k, v in label['box2d'].items()}
    paths = scene(ground_truth, predictions)
    double = evaluate_bdd_mot(*paths)
    single = evaluate_bdd_mot(*paths, single_precision=True)
    assert single['MOTP'] != double['MOTP']
    assert single['MOTP'] == pytest.approx(double['MOTP'], abs=1e-6)


def test_super_classes_hold_each_class_once():
    names = [n for group in bdd100k_tracking.SUPER_CLASSES.values() for n in group]
    assert sorted(names) == sorted(BDD_THINGS)
