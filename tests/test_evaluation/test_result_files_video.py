from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import trackeval
from PIL import Image

from helpers.tools import run_tool
from uninext.evaluation.result_files import (
    evaluate_davis,
    evaluate_mot,
    evaluate_sot,
    evaluate_ytvis,
)
from uninext.formats.index_png import read_object_ids
from uninext.formats.json_file import read_json
from uninext.formats.rle import encode_mask

TOOL = 'tools/analysis_tools/eval_results.py'
LINES = '10,20,30,40\n12,20,30,40\n14,20,30,40\n'


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def write_ids(path: Path, ids: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(ids.astype(np.uint8)).save(path)


def evaluate(capsys, *args: object) -> dict:
    assert run_tool(TOOL, *args) == 0
    return json.loads(capsys.readouterr().out)


# ---- against published results ----


def test_otb_metrics(data_dir: Path, capsys):
    folder = data_dir / 'otb'
    args = ('sot', '--gt', folder / 'Crossing', '--pred', folder / 'results')
    metrics = evaluate(capsys, *args)
    expected = json.loads((folder / 'expected.json').read_text())
    assert set(metrics) == set(expected)
    for tracker, sequences in expected.items():
        target = sequences['Crossing']
        otb, otb101 = metrics[tracker]['otb'], metrics[tracker]['otb101']
        pairs = {
            'success_auc_21_strict_plus1': otb['AUC'],
            'precision_20px': otb['precision'],
            'mean_overlap': otb['AO'],
            'norm_precision_auc_0_0.5_51': otb['norm_precision_auc'],
            'errorNum': otb['errorNum'],
            'got10k_success_auc_101_strict': otb101['AUC'],
            'got10k_AO': otb101['AO'],
            'got10k_SR50': otb101['SR50'],
            'got10k_SR75': otb101['SR75'],
            'got10k_precision_20': otb101['precision'],
        }
        for key, value in pairs.items():
            assert value == pytest.approx(target[key], abs=1e-12), (tracker, key)
        published = target['published_tb100']['overlapScore']
        assert otb['AO'] == pytest.approx(published, abs=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize('method', ['osvos', 'rvos'])
def test_davis_metrics(data_dir: Path, capsys, method: str):
    gt = data_dir / 'davis2016/Annotations'
    pred = data_dir / 'davis_eval' / method
    metrics = evaluate(capsys, 'davis', '--gt', gt, '--pred', pred)
    expected = json.loads((pred.parent / 'expected.json').read_text())
    rows = [(metrics['mean'], expected['mean'][method])]
    for name, target in expected['per_sequence'][method].items():
        rows.append((metrics['per_sequence'][name], target))
    assert len(rows) == 9
    for found, target in rows:
        for key, value in target.items():
            if key != 'frames':
                ours = found['J&F' if key == 'JF' else key]
                assert ours == pytest.approx(value, abs=1e-12), key


def test_video_instance_metrics(data_dir: Path, capsys):
    folder = data_dir / 'vis_eval'
    args = ('--gt', folder / 'gt_ytvis.json', '--pred', folder / 'pred_ytvis.json')
    metrics = evaluate(capsys, 'ytvis', *args)
    expected = json.loads((folder / 'expected.json').read_text())
    assert list(metrics) == expected['names']
    np.testing.assert_allclose(list(metrics.values()), expected['stats'], atol=1e-12)


def test_mot_metrics(data_dir: Path, capsys):
    folder = data_dir / 'mot_eval'
    sequence = folder / 'TUD-Campus'
    args = ('--gt', sequence / 'gt.txt', '--pred', sequence / 'test.txt')
    metrics = evaluate(capsys, 'mot', *args)
    expected = json.loads((folder / 'expected_TUD-Campus.json').read_text())
    for key, value in expected['TUD-Campus'].items():
        if key != 'py_motmetrics':
            for name in ('COMBINED', 'TUD-Campus'):
                assert metrics[name][key] == pytest.approx(value, abs=1e-12), key


# ---- any file ----


def test_files_that_cannot_be_read(tmp_path: Path):
    with pytest.raises(ValueError, match='is a folder'):
        read_json(tmp_path)
    (tmp_path / 'a').write_bytes(b'\xff\xfe\xff')
    with pytest.raises(ValueError, match='not a text file'):
        read_json(tmp_path / 'a')


# ---- single objects ----


def test_no_sequence_and_no_answer(tmp_path: Path):
    for name in ('gt', 'pred'):
        (tmp_path / name).mkdir()
    with pytest.raises(ValueError, match='has neither'):
        evaluate_sot(tmp_path / 'gt', tmp_path / 'pred')
    write(tmp_path / 'gt/a.txt', LINES)
    with pytest.raises(ValueError, match='no file of any of the 1 sequences'):
        evaluate_sot(tmp_path / 'gt', tmp_path / 'pred')
    for missing in (('absent', 'pred'), ('gt', 'absent')):
        with pytest.raises(ValueError, match='does not exist'):
            evaluate_sot(*(tmp_path / name for name in missing))


@pytest.mark.parametrize('separator', [',', '\t', ' ', ', ', ';'])
def test_separators(tmp_path: Path, separator: str):
    gt = write(tmp_path / 'gt/a.txt', LINES)
    pred = write(tmp_path / 'pred.txt', LINES.replace(',', separator))
    assert evaluate_sot(gt, pred)['otb']['AO'] == 1
    assert evaluate_sot(gt.parent, pred)['lasot']['precision'] == 1


def test_the_layouts_of_lasot_and_got10k(tmp_path: Path):
    folder = tmp_path / 'gt/cat/cat-1'
    write(folder / 'groundtruth.txt', LINES)
    write(folder / 'full_occlusion.txt', '0,0,1')
    write(folder / 'out_of_view.txt', '0,0,0')
    write(tmp_path / 'pred/cat-1.txt', LINES)
    write(tmp_path / 'pred/cat-1_time.txt', '0.1')
    metrics = evaluate_sot(tmp_path / 'gt', tmp_path / 'pred')
    assert metrics['num_sequences'] == 1
    assert metrics['lasot']['AO'] == pytest.approx(2 / 3)
    assert metrics['got10k']['AO'] == 1
    write(tmp_path / 'got/ours/cat-1/cat-1_001.txt', LINES)
    several = evaluate_sot(tmp_path / 'gt', tmp_path / 'got')
    assert several['ours']['lasot'] == metrics['lasot']
    write(folder / 'out_of_view.txt', '0')
    with pytest.raises(ValueError, match='1 flags for 3 frames'):
        evaluate_sot(tmp_path / 'gt', tmp_path / 'pred')


def test_wrong_files_of_boxes(tmp_path: Path):
    gt = write(tmp_path / 'gt/a.txt', LINES)
    pred = write(tmp_path / 'pred.txt', '1,2,3,4\n')
    with pytest.raises(ValueError, match='1 boxes, but a has 3 frames'):
        evaluate_sot(gt, pred)
    with pytest.raises(ValueError, match='line 2: expected the four numbers'):
        evaluate_sot(gt, write(pred, '1,2,3,4\n1,2,x,4\n'))
    write(tmp_path / 'gt/b.txt', LINES)
    with pytest.raises(ValueError, match='one file, but the ground truth has 2'):
        evaluate_sot(tmp_path / 'gt', pred)
    write(tmp_path / 'some/a.txt', LINES)
    with pytest.raises(ValueError, match='no prediction for 1 of 2'):
        evaluate_sot(tmp_path / 'gt', tmp_path / 'some')
    for folder in ('x', 'y'):
        write(tmp_path / 'twice' / folder / 's/groundtruth.txt', LINES)
    with pytest.raises(ValueError, match='of the same name'):
        evaluate_sot(tmp_path / 'twice', pred)


@pytest.mark.parametrize(
    ('content', 'match'),
    [
        ([], 'not one run'),
        ([dict(res=[[1, 2]])], 'four numbers'),
        ([dict(res=[], resType='ivtAff')], "only 'rect'"),
    ],
)
def test_wrong_files_of_the_otb_toolkit(tmp_path: Path, content, match: str):
    gt = write(tmp_path / 'gt/a.txt', LINES)
    pred = write(tmp_path / 'a.json', json.dumps(content))
    with pytest.raises(ValueError, match=match):
        evaluate_sot(gt, pred)


# ---- objects ----


def make_videos(root: Path, num_frames: int = 5) -> np.ndarray:
    """Two objects that come and go, 3 x 4 pixels each."""
    ids = np.zeros((num_frames, 12, 16))
    ids[:, 2:5, 2:6] = 1
    ids[2:, 7:10, 8:12] = 2
    for index, frame in enumerate(ids):
        write_ids(root / 'v' / f'{index:05d}.png', frame)
    return ids


def test_objects_of_several_ids(tmp_path: Path):
    ids = make_videos(tmp_path / 'gt')
    make_videos(tmp_path / 'pred')
    metrics = evaluate_davis(tmp_path / 'gt', tmp_path / 'pred')
    assert metrics['num_objects'] == 2
    assert metrics['mean']['J&F'] == metrics['per_sequence']['v']['J&F'] == 1
    # Empty predictions: object 2 is right in the one counting frame before it comes in.
    for index in range(5):
        write_ids(tmp_path / 'pred/v' / f'{index:05d}.png', ids[index] * 0)
    metrics = evaluate_davis(tmp_path / 'gt', tmp_path / 'pred')
    assert metrics['mean']['J_mean'] == pytest.approx((0 + 1 / 3) / 2)


def test_frames_come_by_their_numbers(tmp_path: Path):
    """By their letters 9 came last, and 10 was one of the frames that count."""
    for name in ('gt', 'pred'):
        for number in (8, 9, 10):
            write_ids(tmp_path / name / 'v' / f'{number}.png', np.eye(4))
    write_ids(tmp_path / 'pred/v/10.png', np.zeros((4, 4)))
    metrics = evaluate_davis(tmp_path / 'gt', tmp_path / 'pred')
    assert metrics['mean']['J_mean'] == 1


def test_void_is_no_object_beside_others_but_one_alone(tmp_path: Path):
    ids = make_videos(tmp_path / 'gt')
    make_videos(tmp_path / 'pred')
    ids[:, 0, 0] = 255
    for index in range(5):
        write_ids(tmp_path / 'gt/v' / f'{index:05d}.png', ids[index])
    assert evaluate_davis(tmp_path / 'gt', tmp_path / 'pred')['mean']['J&F'] == 1
    for index in range(5):
        colors = np.repeat((ids[index] % 255 > 0)[..., None] * 255, 3, axis=2)
        write_ids(tmp_path / 'gt/v' / f'{index:05d}.png', colors)
    metrics = evaluate_davis(tmp_path / 'gt', tmp_path / 'pred')
    assert metrics['num_objects'] == 1
    assert metrics['mean']['J&F'] == 1


def test_a_video_without_objects_does_not_count(tmp_path: Path):
    for name in ('gt', 'pred'):
        make_videos(tmp_path / name)
        for index in range(3):
            write_ids(tmp_path / name / 'w' / f'{index}.png', np.zeros((4, 4)))
    metrics = evaluate_davis(tmp_path / 'gt', tmp_path / 'pred')
    assert list(metrics['per_sequence']) == ['v']


def test_images_that_are_not_there(tmp_path: Path):
    with pytest.raises(ValueError, match='does not exist'):
        read_object_ids(tmp_path / 'a.png')


def test_wrong_folders_of_images(tmp_path: Path):
    ids = make_videos(tmp_path / 'gt')
    evaluate_both = lambda: evaluate_davis(tmp_path / 'gt', tmp_path / 'pred')  # noqa: E731
    with pytest.raises(ValueError, match='is not a folder'):
        evaluate_both()
    write_ids(tmp_path / 'pred/w/0.png', ids[0])
    with pytest.raises(ValueError, match='no folder for 1 of 1 videos'):
        evaluate_both()
    frames = tmp_path / 'pred/v'
    write_ids(frames / '00001.png', ids[1])
    with pytest.raises(ValueError, match='misses 2 frames'):
        evaluate_both()
    make_videos(tmp_path / 'pred')
    for wrong, match in (
        (ids[2][:5], 'the size'),
        (ids[2] + 3, r'have the objects \[3, 4, 5\]'),
        (np.random.rand(12, 16, 3) * 255, 'has colours'),
    ):
        write_ids(frames / '00002.png', wrong)
        with pytest.raises(ValueError, match=match):
            evaluate_both()
    write(frames / '00002.png', 'no image')
    with pytest.raises(ValueError, match='is not an image'):
        evaluate_both()
    for index in range(2, 5):
        (tmp_path / 'gt/v' / f'{index:05d}.png').unlink()
    with pytest.raises(ValueError, match='3 are the least'):
        evaluate_both()
    (tmp_path / 'hollow').mkdir()
    with pytest.raises(ValueError, match='does not hold'):
        evaluate_davis(tmp_path / 'gt', tmp_path / 'hollow')


# ---- instances ----


def make_instances() -> tuple[dict, list]:
    rle = encode_mask(np.eye(8, dtype=bool))
    plain = dict(size=[8, 8], counts=[0, 1, 63])
    square = [[1, 1, 5, 1, 5, 5, 1, 5]]
    record = dict(video_id=1, category_id=3)
    annotations = [
        dict(record, segmentations=[rle, None]),
        dict(record, segmentations=[plain, square], iscrowd=0),
    ]
    ground_truth = dict(
        videos=[dict(id=1, width=8, height=8, length=2, file_names=['a', 'b'])],
        annotations=annotations,
        categories=[dict(id=3, name='thing')],
    )
    return ground_truth, [dict(a, score=0.5) for a in annotations]


def evaluate_instances(folder: Path, ground_truth: object, results: object) -> dict:
    gt = write(folder / 'gt.json', json.dumps(ground_truth))
    return evaluate_ytvis(gt, write(folder / 'pred.json', json.dumps(results)))


def test_instances_in_all_spellings(tmp_path: Path):
    ground_truth, results = make_instances()
    assert evaluate_instances(tmp_path, ground_truth, [])['AP'] == 0
    assert evaluate_instances(tmp_path, ground_truth, results)['AP'] == 1


def test_wrong_files_of_instances(tmp_path: Path):
    ground_truth, results = make_instances()
    (first, second) = results
    rle = encode_mask(np.ones((4, 4), bool))
    for pred, match in (
        ([dict(first, segmentations=[None])], 'has 1 frames, its video 2'),
        ([dict(first, segmentations=[rle, None])], r'the size \(4, 4\)'),
        ([dict(first, video_id=2)], 'of video 2'),
        ([dict(first, category_id=1)], 'category 1'),
        ([dict(score=1)], "record 0 has no 'video_id'"),
    ):
        with pytest.raises(ValueError, match=match):
            evaluate_instances(tmp_path, ground_truth, pred)
    with pytest.raises(ValueError, match='YouTube-VIS layout'):
        evaluate_instances(tmp_path, [], results)
    del ground_truth['annotations'][0]['segmentations']
    with pytest.raises(ValueError, match="no 'segmentations'"):
        evaluate_instances(tmp_path, ground_truth, results)


# ---- tracks ----

GROUND_TRUTH = (
    '1,1,0,0,10,10,1,1,1\n1,2,20,0,10,10,1,8,1\n1,3,40,0,10,10,0,1,1\n'
    '2,1,1,0,10,10,1,1,1\n2,4,60,0,10,10,1,3,1\n'
)


def test_distractors_and_other_classes_do_not_count(tmp_path: Path):
    gt = write(tmp_path / 'gt/S-1/gt/gt.txt', GROUND_TRUTH).parents[2]
    write(tmp_path / 'gt/S-1/seqinfo.ini', '[Sequence]\nname=S-1\nseqLength=3\n')
    pred = write(tmp_path / 'pred/S-1.txt', '')
    found = evaluate_mot(gt, tmp_path / 'pred')
    assert list(found) == ['COMBINED', 'S-1']
    assert found['S-1']['CLR_FN'] == 2
    # Right, on the distractor, on what is not considered, on a car: right, -, no, no.
    lines = ['1,5,0,0,10,10', '1,6,20,0,10,10', '1,7,40,0,10,10,.5', '2,8,60,0,10,10']
    write(pred, '\n'.join(lines) + '\n\n')
    found = evaluate_mot(gt, tmp_path / 'pred')['COMBINED']
    assert (found['CLR_TP'], found['CLR_FP'], found['CLR_FN']) == (1, 2, 1)
    write(tmp_path / 'deep/S-1/S-1.txt', '\n'.join(lines))
    assert evaluate_mot(gt, tmp_path / 'deep')['COMBINED'] == found
    write(pred, '4,1,0,0,1,1\n')
    with pytest.raises(ValueError, match='frame 4; frames are 1 to 3'):
        evaluate_mot(gt, tmp_path / 'pred')
    write(tmp_path / 'gt/S-1/seqinfo.ini', '[Sequence]\n')
    with pytest.raises(ValueError, match='seqLength'):
        evaluate_mot(gt, tmp_path / 'pred')


def test_the_rules_of_mot17_are_those_of_trackeval(tmp_path: Path, capsys):
    rng = np.random.default_rng(0)
    ground_truth, tracks = [], []
    for frame in range(1, 9):
        for track, kind in enumerate((1, 1, 1, 7, 8, 3, 12, 2, 1), start=1):
            box = np.array([40 * track, 5 * frame, 30, 60.0])
            considered = int(kind == 1 and track < 9)
            ground_truth.append((frame, track, *box, considered, kind, 1))
            if rng.random() < 0.8:
                other = 50 * (rng.random() < 0.1)
                shaken = box + rng.normal(0, 5, 4)
                tracks.append((frame, track + other, *shaken, 1, -1, -1, -1))
    gt, results = tmp_path / 'gt/MOT17-train', tmp_path / 'all/MOT17-train/ours/data'
    for path, rows in ((gt / 'S/gt/gt.txt', ground_truth), (results / 'S.txt', tracks)):
        write(path, ''.join(','.join(map(str, row)) + '\n' for row in rows))
    write(gt / 'S/seqinfo.ini', '[Sequence]\nname=S\nseqLength=9\n')
    write(tmp_path / 'gt/seqmaps/MOT17-train.txt', 'name\nS\n')
    dataset = trackeval.datasets.MotChallenge2DBox(
        dict(
            GT_FOLDER=str(tmp_path / 'gt'),
            TRACKERS_FOLDER=str(tmp_path / 'all'),
            PRINT_CONFIG=False,
        )
    )
    raw = dataset.get_raw_seq_data('ours', 'S')
    data = dataset.get_preprocessed_seq_data(raw, 'pedestrian')
    found = evaluate_mot(gt, results)['S']
    config = dict(PRINT_CONFIG=False)
    for metric in (trackeval.metrics.HOTA(), trackeval.metrics.CLEAR(config)):
        for key, value in metric.eval_sequence(data).items():
            if key in found:
                assert found[key] == pytest.approx(np.mean(value)), key
    assert 0 < found['HOTA'] < 1


def test_ground_truth_without_classes_stays_as_it_is(tmp_path: Path):
    gt = write(tmp_path / 's/gt.txt', '1 1 0 0 10 10 1\n1 2 20 0 10 10 0\n')
    pred = write(tmp_path / 'p.txt', '1,1,0,0,10,10\n1,2,20,0,10,10\n')
    found = evaluate_mot(gt, pred)['s']
    assert (found['CLR_TP'], found['CLR_FP']) == (1, 1)


def test_wrong_files_of_tracks(tmp_path: Path):
    gt = write(tmp_path / 'gt/s/gt.txt', GROUND_TRUTH)
    with pytest.raises(ValueError, match='must be a file'):
        evaluate_mot(gt, tmp_path)
    with pytest.raises(ValueError, match='is missing'):
        evaluate_mot(tmp_path / 'gt', tmp_path)
    with pytest.raises(ValueError, match='does not exist'):
        evaluate_mot(tmp_path / 'absent', tmp_path)
    (tmp_path / 'hollow').mkdir()
    with pytest.raises(ValueError, match='gt/gt.txt'):
        evaluate_mot(tmp_path / 'hollow', tmp_path)
    for text, match in (
        ('1,2,3\n', 'expected 6 to 10 numbers'),
        ('1,2,3,4,x,6\n', 'line 1'),
        ('1,1,0,0,1,1\n1,1,0,0,2,2\n', 'an id twice'),
    ):
        with pytest.raises(ValueError, match=match):
            evaluate_mot(gt, write(tmp_path / 'p.txt', text))


def test_the_tool_lists_the_formats(capsys):
    with pytest.raises(SystemExit):
        run_tool(TOOL, 'voc', '--gt', 'a', '--pred', 'b')
    assert 'sot, davis, ytvos, rvos, ytvis, mot' in capsys.readouterr().err
