"""Protocols of MOTChallenge and MOTS; what is wrong in files names file and line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from mmdet.datasets.base_det_dataset import BaseDetDataset

from helpers.equality_tracking import build_mot17, make_sample, run_metric, write_mot
from uninext.cli.evaluate import PROTOCOLS
from uninext.cli.evaluate import main as run_eval
from uninext.converters import convert_mot_challenge
from uninext.datasets import VideoInstanceDataset
from uninext.evaluation.evaluators.tracks import (
    TrackedObjects,
    TracksEvaluator,
    names_of_protocols,
    num_annotated,
)
from uninext.evaluation.result_files import evaluate_mot, evaluate_mots
from uninext.formats.rle import encode_mask

KEYS = ('CLR_TP', 'CLR_FP', 'CLR_FN')


def make_objects(*objects: tuple, considered=None) -> TrackedObjects:
    """``(id, x, class)``: squares of 10 pixels in a row."""
    columns = np.array(objects, dtype=float).reshape(-1, 3)
    zeros = np.zeros(len(columns))
    boxes = np.stack([columns[:, 1], zeros, columns[:, 1] + 10, zeros + 10], axis=1)
    ids, classes = columns[:, 0].astype(int), columns[:, 2].astype(int)
    return TrackedObjects(
        ids, boxes, classes, None if considered is None else np.array(considered, bool)
    )


def counts_of(
    protocol: str, ground_truth: TrackedObjects, found: TrackedObjects
) -> list:
    evaluator = TracksEvaluator(protocol)
    state = evaluator.start()
    evaluator.add(state, ground_truth, found)
    metrics = evaluator.summarize({'a': evaluator.finish(state)})['COMBINED']
    return [metrics[key] for key in KEYS]


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


# ---- protocols ----


@pytest.mark.parametrize('with_masks', [False, True])
def test_no_frame_and_no_object(with_masks: bool):
    for name in names_of_protocols(with_masks):
        evaluator = TracksEvaluator(name, with_masks)
        with pytest.raises(ValueError, match='No sequence to evaluate'):
            evaluator.summarize({})
        state = evaluator.start()
        assert num_annotated(evaluator.finish(state)) == 0
        nothing = TrackedObjects(
            np.zeros(0, int), [] if with_masks else np.zeros((0, 4)), np.zeros(0, int)
        )
        evaluator.add(state, nothing, nothing)
        record = evaluator.finish(state)
        assert evaluator.summarize({'a': record})['COMBINED']['CLR_FP'] == 0


def test_names_of_protocols():
    assert names_of_protocols(False) == ['plain', 'mot15', 'mot17', 'mot20']
    assert set(names_of_protocols(True)) == {'plain', 'mots'}
    assert set(PROTOCOLS) == {*names_of_protocols(False), 'mots'}
    with pytest.raises(ValueError, match="'mots'; for boxes it must be one of plain"):
        TracksEvaluator('mots')


@pytest.mark.parametrize(
    ('protocol', 'expected'),
    [
        # right; on what is not considered; on a distractor; on a bicycle; on a car
        ('plain', [4, 0, 0]),
        ('mot15', [4, 0, 0]),
        ('mot17', [1, 3, 0]),
        ('mot20', [1, 2, 0]),
    ],
)
def test_what_each_protocol_counts(protocol: str, expected: list):
    classes = (1, 1, 8, 6, 3)
    if protocol in ('plain', 'mot15'):
        classes = (1,) * 5
    ground_truth = [(k, 20 * k, kind) for k, kind in enumerate(classes, start=1)]
    found = make_objects(*((k + 40, x, 1) for k, x, _ in ground_truth))
    ground_truth = make_objects(*ground_truth, considered=[1, 0, 1, 1, 1])
    if protocol == 'mot15':
        expected = [
            4,
            1,
            0,
        ]  # not considered is not there: a prediction upon it is wrong
    assert counts_of(protocol, ground_truth, found) == expected


def test_plain_classes_never_match():
    ground_truth = make_objects((1, 0, 1), (2, 20, 2))
    assert counts_of('plain', ground_truth, make_objects((1, 0, 2), (2, 20, 2))) == [
        1,
        1,
        1,
    ]


def test_regions_to_ignore_of_mots():
    """Unmatched predictions more than half inside are left out; matched ones stay."""
    masks = np.zeros((4, 10, 40), bool)
    masks[0, :, :10] = masks[1, :, 10:20] = masks[2, :, 20:26] = masks[3, :, 26:] = True
    rles = [encode_mask(mask) for mask in masks]
    region = np.zeros((10, 40), bool)
    region[:, 10:30] = True
    ground_truth = TrackedObjects(
        np.array([1, 9]), [rles[0], encode_mask(region)], np.array([2, 10])
    )
    found = TrackedObjects(np.array([1, 2, 3, 4]), rles, np.array([2, 2, 2, 2]))
    evaluator = TracksEvaluator('mots', with_masks=True)
    state = evaluator.start()
    evaluator.add(state, ground_truth, found)
    metrics = evaluator.summarize({'a': evaluator.finish(state)})['COMBINED']
    assert [metrics[key] for key in KEYS] == [1, 1, 0]
    evaluator.add(
        state, ground_truth, TrackedObjects(found.ids, [rles[0]] * 4, found.classes)
    )
    with pytest.raises(ValueError, match='frame 2 of the predictions has overlapping'):
        evaluator.finish(state)
    other = TrackedObjects(np.array([1]), [encode_mask(masks[0].T)], np.array([2]))
    with pytest.raises(ValueError, match='frame 3 has masks of different sizes'):
        evaluator.add(state, ground_truth, other)


@pytest.mark.parametrize(
    ('found', 'match'),
    [
        (
            make_objects((1, 0, 1), (1, 20, 1)),
            'frame 1 of the predictions has an id tw',
        ),
        (make_objects((1, 0, 2)), 'predictions has the class 2; expected 1'),
    ],
)
def test_what_no_protocol_takes(found: TrackedObjects, match: str):
    evaluator = TracksEvaluator('mot17')
    with pytest.raises(ValueError, match=match):
        evaluator.add(evaluator.start(), make_objects(), found)


# ---- a perfect tracker ----


def perfect_tracker(root: Path, protocol: str) -> tuple[dict, dict]:
    """By the metric, from a converted set; and by eval, from the metric's files."""
    convert_mot_challenge(root, root / 'train.json', progress=False)
    dataset = VideoInstanceDataset(
        data_root=str(root), ann_file='train.json', test_mode=True, pipeline=[]
    )
    assert isinstance(dataset, BaseDetDataset)
    samples = []
    for index in range(len(dataset)):
        info = dataset.get_data_info(index)
        keys = ('video_id', 'video_name', 'frame_id', 'video_length', 'instances')
        meta = dict({key: info[key] for key in keys}, ori_shape=(120, 160))
        persons = [
            i for i in info['instances'] if i['considered'] and i['mot_class'] == 1
        ]
        ids = [i['object_id'] for i in persons]
        boxes = [i['bbox'] for i in persons]
        samples.append(make_sample(meta, boxes, ids, [0] * len(ids), [1.0] * len(ids)))
    config = dict(
        type='TrackingMetric', protocol=protocol, outfile_prefix=str(root / 'out')
    )
    found = run_metric(config, samples, ('pedestrian',))
    return found, evaluate_mot(root / 'train', root / 'out')['COMBINED']


@pytest.mark.parametrize('protocol', ['mot17', 'mot20'])
def test_a_perfect_tracker_of_boxes_that_leave_the_frame(tmp_path: Path, protocol: str):
    """HOTA 1.000 from both; eval gave 0.935 when the converter cut the boxes."""
    build_mot17(tmp_path, protocol, protocol.upper())
    for values in perfect_tracker(tmp_path / protocol, protocol):
        for key in ('HOTA', 'MOTA', 'IDF1'):
            assert values[key] == pytest.approx(1, abs=1e-6), key
        assert values['CLR_FP'] == values['CLR_FN'] == 0


def test_a_perfect_tracker_on_real_sequences(data_dir: Path, tmp_path: Path):
    for folder in sorted((data_dir / 'mot17_mini/train').iterdir()):
        copy = tmp_path / 'train' / folder.name
        frames = sorted(path.name for path in (folder / 'img1').iterdir())
        for name in frames:
            write(copy / 'img1' / name, '')
        lines = (folder / 'gt/gt.txt').read_text().splitlines()
        rows = [line.split(',') for line in lines]
        rows = [row for row in rows if int(row[0]) <= len(frames)]
        write_mot(copy, rows, len(frames))
    for values in perfect_tracker(tmp_path, 'mot17'):
        assert values['HOTA'] == values['MOTA'] == values['IDF1'] == 1


def test_data_that_were_not_converted_for_the_protocol():
    meta = dict(video_id=1, frame_id=0, video_length=1, ori_shape=(9, 9))
    target = dict(bbox=[0, 0, 5, 5], bbox_label=0, instance_id=4, considered=1)
    sample = make_sample({**meta, 'instances': [target]}, [], [], [], [])
    config = dict(type='TrackingMetric', protocol='mot17')
    with pytest.raises(ValueError, match='Object 4 .* no mot_class, no object_id'):
        run_metric(config, [sample], ('pedestrian',))
    with pytest.raises(ValueError, match='this data set has 2'):
        run_metric(config, [sample], ('pedestrian', 'car'))


# ---- files ----

LINE = '1,1,0,0,10,10,1,1,1\n'


def test_mot15_has_places_in_the_world_where_others_have_classes(tmp_path: Path):
    """Columns 8 to 10; they were taken for classes, and nothing was left."""
    rows = [f'{t},1,{t},0,10,10,1,{3.5 + t},7.25,0\n' for t in (1, 2, 3)]
    gt = write(tmp_path / 'a/gt/gt.txt', ''.join(rows))
    found = evaluate_mot(gt, write(tmp_path / 'p.txt', ''.join(rows)))['COMBINED']
    assert [found[key] for key in ('HOTA', *KEYS)] == [1, 3, 0, 0]
    with pytest.raises(ValueError, match='no classes in column 8'):
        evaluate_mot(gt, tmp_path / 'p.txt', protocol='mot17')


def test_a_ground_truth_of_which_nothing_is_left(tmp_path: Path):
    gt = write(tmp_path / 'a/gt/gt.txt', '1,1,0,0,9,9,0,1,1\n1,2,0,0,9,9,1,3,1\n')
    pred = write(tmp_path / 'p.txt', LINE)
    with pytest.raises(ValueError, match='Nothing is left of the 2 lines of .*gt.txt'):
        evaluate_mot(gt, pred)
    with pytest.raises(ValueError, match='has no object to evaluate'):
        evaluate_mot(write(gt, ''), pred)
    with pytest.raises(ValueError, match='frames are 1 to 0'):
        evaluate_mot(gt, pred, protocol='plain')


def test_the_protocol_is_that_of_the_ground_truth(tmp_path: Path):
    """A bicycle is a distractor in MOT20, which the names of sequences tell."""
    rows = LINE + '1,2,30,0,10,10,1,6,1\n'
    pred = '1,1,0,0,10,10,1\n1,2,30,0,10,10,1\n'
    for name, false_positives in (('MOT17-02', 1), ('MOT20-01', 0)):
        write(tmp_path / f'{name}/gt/{name}/gt/gt.txt', rows)
        write(tmp_path / f'{name}/pred/{name}.txt', pred)
        folders = tmp_path / name / 'gt', tmp_path / name / 'pred'
        assert evaluate_mot(*folders)['COMBINED']['CLR_FP'] == false_positives
    write(tmp_path / 'MOT17-02/gt/b/gt/gt.txt', '1,1,0,0,10,10,1\n')
    write(tmp_path / 'MOT17-02/pred/b.txt', '')
    with pytest.raises(ValueError, match='MOT17-02: mot17, b: mot15'):
        evaluate_mot(tmp_path / 'MOT17-02/gt', tmp_path / 'MOT17-02/pred')


@pytest.mark.parametrize(
    ('text', 'match'),
    [
        ('\n1.5,1,0,0,5,5\n', r'p.txt, line 2: .*frame from 1 and id whole'),
        ('nan,1,0,0,5,5\n', 'line 1: .*expected 6 to 10 numbers'),
        ('1,1.5,0,0,5,5\n', 'line 1: .*id whole'),
        ('1,1,nan,0,5,5\n', 'line 1'),
        ('1,1,0,0,inf,5\n', 'line 1'),
        ('1,1,0,0,-5,5\n', 'sides not negative'),
        ('0,1,0,0,5,5\n', 'frame from 1'),
        ('3,1,0,0,5,5\n', 'line 1 of .*p.txt is of frame 3; frames are 1 to 1'),
        (
            '1,1,0,0,5,5\n1,2,0,0,5,5\n1,1,9,9,5,5\n',
            'line 3: frame 1 has an id twice: 1, ',
        ),
        ('1,1,0,0,5,5,1,7,-1,-1\n', 'line 1: class 7; mot17 has 1 to 1 here'),
        ('1 1 2 9 9 10\n1 1 2 9 9 P0c1\n', 'masks are for the format mots'),
    ],
)
def test_wrong_lines_of_boxes(tmp_path: Path, text: str, match: str):
    gt = write(tmp_path / 'a/gt/gt.txt', LINE)
    with pytest.raises(ValueError, match=match):
        evaluate_mot(gt, write(tmp_path / 'p.txt', text))


@pytest.mark.parametrize(
    ('row', 'match'),
    [
        ('1,1,0,0,10,10,1,14,1\n', 'gt.txt, line 1: class 14; mot17 has 1 to 13'),
        ('1,1,0,0,10,10,1,2.5,1\n', 'line 1: expected a class from 1 in column 8'),
        (
            LINE + '1,1,0,0,10,10,1,1,1\n',
            'line 2: frame 1 has an id twice: 1, first in',
        ),
    ],
)
def test_wrong_lines_of_the_ground_truth(tmp_path: Path, row: str, match: str):
    pred = write(tmp_path / 'p.txt', '')
    with pytest.raises(ValueError, match=match):
        evaluate_mot(write(tmp_path / 'a/gt/gt.txt', row), pred)


def test_sequences_that_are_there_twice(tmp_path: Path):
    for split in ('train', 'test'):
        write(tmp_path / split / 'a/gt/gt.txt', LINE)
    write(tmp_path / 'pred/a.txt', LINE)
    with pytest.raises(ValueError, match='a has two ground truths'):
        evaluate_mot(tmp_path, tmp_path / 'pred')
    write(tmp_path / 'pred/a/a.txt', LINE)
    with pytest.raises(ValueError, match='a has two files of predictions'):
        evaluate_mot(tmp_path / 'test', tmp_path / 'pred')
    write(tmp_path / 'test/a/seqinfo.ini', '[Sequence]\nseqLength=0\n')
    (tmp_path / 'pred/a/a.txt').unlink()
    with pytest.raises(ValueError, match='seqLength 0; expected 1 or more'):
        evaluate_mot(tmp_path / 'test', tmp_path / 'pred')


MASK = np.zeros((4, 5), bool)
MASK[:2] = True
COUNTS = encode_mask(MASK)['counts']
MOTS_LINE = f'1 2001 2 4 5 {COUNTS}\n'


def test_masks_of_mots_as_files(tmp_path: Path, capsys):
    below = encode_mask(~MASK)['counts']
    text = MOTS_LINE + f'2 2001 2 4 5 {COUNTS}\n2 10000 10 4 5 {below}\n'
    gt = write(tmp_path / 'gt/a/gt/gt.txt', text).parents[2]
    write(tmp_path / 'pred/a.txt', MOTS_LINE + f'2 7 2 4 5 {below}\n')
    found = evaluate_mots(gt, tmp_path / 'pred')['COMBINED']
    assert [found[key] for key in KEYS] == [1, 0, 1]
    plain = ['mots', '--gt', str(gt), '--pred', str(tmp_path / 'pred')]
    assert run_eval(plain) == run_eval([*plain, '--protocol', 'plain']) == 0
    assert run_eval([*plain, '--protocol', 'mot17']) == 2
    assert "'mot17'; for masks it must be one of plain, mots" in capsys.readouterr().err


@pytest.mark.parametrize(
    ('text', 'match'),
    [
        ('1 1 2 4 5\n', 'p.txt, line 1: expected "frame id class height width rle"'),
        ('1.5 1 2 4 5 08\n', 'line 1: expected'),
        ('0 1 2 4 5 08\n', 'frame from 1'),
        ('1,1,0,0,5,5,1,-1,-1,-1\n', 'boxes are for the format mot'),
        (f'1 1 2 4 5 {COUNTS[:-1]}\n', 'line 1: .*RLE is damaged'),
        (MOTS_LINE * 2, 'line 2: frame 1 has an id twice: 2001, first in line 1'),
        (f'1 1 1 4 5 {COUNTS}\n', 'frame 1 of the predictions has the class 1; exp'),
        (f'1 1 2 5 4 {encode_mask(MASK.T)["counts"]}\n', 'masks of different sizes'),
        (MOTS_LINE + f'1 3 2 4 5 {COUNTS}\n', 'overlapping masks'),
        (f'2 1 2 4 5 {COUNTS}\n', 'is of frame 2; frames are 1 to 1'),
    ],
)
def test_wrong_lines_of_masks(tmp_path: Path, text: str, match: str):
    gt = write(tmp_path / 'a/gt/gt.txt', MOTS_LINE)
    with pytest.raises(ValueError, match=match):
        evaluate_mots(gt, write(tmp_path / 'p.txt', text))
