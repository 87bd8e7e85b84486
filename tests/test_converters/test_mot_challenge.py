from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from helpers.tools import run_tool
from uninext.converters.mot_challenge import convert_mot_challenge
from uninext.converters.video_check import VideoCheck
from uninext.datasets import DatasetError, VideoInstanceDataset
from uninext.datasets.video_annotation import VideoAnnotation

TOOL = 'tools/dataset_converters/mot_challenge.py'
INFO = '[Sequence]\nname=a\nimWidth=40\nimHeight=30\n'


def make_sequence(folder: Path, rows: list[str], frames=(1, 2, 3), info=INFO) -> None:
    (folder / 'img1').mkdir(parents=True)
    for frame in frames:
        image = Image.fromarray(np.zeros((30, 40, 3), np.uint8))
        image.save(folder / 'img1' / f'{frame:06d}.jpg')
    (folder / 'gt').mkdir()
    (folder / 'gt' / 'gt.txt').write_text('\n'.join(rows) + '\n')
    if info:
        (folder / 'seqinfo.ini').write_text(info)


def convert(root: Path, **kwargs):
    out = root / 'out' / 'train.json'
    conversion = convert_mot_challenge(root, out, progress=False, **kwargs)
    return conversion, json.loads(out.read_text())


def test_a_sequence_without_boxes(tmp_path: Path):
    make_sequence(tmp_path / 'train' / 'a', [])
    conversion, content = convert(tmp_path)
    assert (conversion.videos, conversion.objects) == (1, 0)
    assert content['annotations'] == []
    assert content['videos'] == [
        dict(
            id=1,
            name='a',
            width=40,
            height=30,
            length=3,
            file_names=[f'train/a/img1/00000{i}.jpg' for i in (1, 2, 3)],
        )
    ]


def test_targets_ignored_and_background(tmp_path: Path):
    rows = [
        '1,5,1,2,10,10,1,1,0.9',
        '3,5,2,2,10,10,1,1,0.1',
        '1,6,1,2,10,10,0,1,1',  # a pedestrian that is not considered
        '2,7,1,2,10,10,0,8,1',  # a distractor
        '2,8,1,2,10,10,1,3,1',  # a car
        '2,9,40,2,10,10,1,1,1',  # outside the frame
        '4,5,1,2,10,10,1,1,1',  # no such frame
    ]
    make_sequence(tmp_path / 'train' / 'a', rows)
    conversion, content = convert(tmp_path)
    keys = ('iscrowd', 'object_id', 'considered', 'mot_class', 'bboxes')
    tracks = [tuple(a[key] for key in keys) for a in content['annotations']]
    box = [1, 2, 10, 10]
    assert tracks == [
        (0, 5, 1, 1, [box, None, [2, 2, 10, 10]]),
        (1, 6, 0, 1, [box, None, None]),
        (1, 7, 0, 8, [None, box, None]),
        (1, 8, 1, 3, [None, box, None]),
        (0, 9, 1, 1, [None, [40, 2, 10, 10], None]),
    ]
    assert (conversion.objects, conversion.boxes) == (5, 6)
    assert sum(conversion.skipped.values()) == 1
    assert 'skipped 1: box in a frame that is not' in conversion.summary('x')
    half_hidden = convert(tmp_path, min_visibility=0.5)[1]['annotations']
    assert [a['iscrowd'] for a in half_hidden] == [0, 1, 1, 1, 1, 0]
    assert [a['considered'] for a in half_hidden] == [1, 1, 0, 0, 1, 1]


def test_boxes_are_raw_for_evaluation_and_cut_for_training(tmp_path: Path):
    rows = ['1,1,-5,25,10,10,1,1,1', '2,1,41,2,10,10.5,1,1,1', '3,2,1,1,5,5,1,3,1']
    make_sequence(tmp_path / 'train' / 'a', rows)
    annotation = convert(tmp_path)[1]['annotations'][0]
    assert annotation['bboxes'] == [[-5, 25, 10, 10], [41, 2, 10, 10.5], None]
    out = tmp_path / 'out/train.json'
    assert VideoCheck(out, progress=False).ok
    data = dict(data_root=str(tmp_path), ann_file=str(out), pipeline=[])
    tests = VideoInstanceDataset(**data, test_mode=True, serialize_data=False)
    shown = [tests.get_data_info(i)['instances'] for i in range(3)]
    assert [[i['bbox'] for i in frame] for frame in shown] == [
        [[-5, 25, 5, 35]],
        [[41, 2, 51, 12.5]],
        [[1, 1, 6, 6]],
    ]
    (car,) = shown[2]
    wanted = dict(object_id=2, considered=1, mot_class=3, ignore_flag=1)
    assert wanted.items() <= car.items()
    video = VideoAnnotation.from_records(
        json.loads(out.read_text())['videos'][0], [annotation], {1: 0}, '', 'f'
    )
    assert [i['bbox'] for i in video.frame(0)['instances']] == [[0, 25, 5, 30]]
    assert video.frame(1)['instances'] == []
    assert 'considered' not in video.frame(0)['instances'][0]


def test_copies_for_other_detectors_are_read_once(tmp_path: Path):
    for name in ('MOT17-02-DPM', 'MOT17-02-SDP', 'MOT17-04-SDP'):
        make_sequence(tmp_path / 'train' / name, [])
    (tmp_path / 'train' / 'notes').mkdir()
    _, content = convert(tmp_path)
    assert [v['name'] for v in content['videos']] == ['MOT17-02-DPM', 'MOT17-04-SDP']


def test_sequences_without_ground_truth_or_info(tmp_path: Path):
    make_sequence(tmp_path / 'a', [], frames=(2,), info='')
    (tmp_path / 'a' / 'gt' / 'gt.txt').unlink()
    _, content = convert(tmp_path, split='')
    assert (content['videos'][0]['width'], content['videos'][0]['height']) == (40, 30)
    assert content['videos'][0]['file_names'] == ['a/img1/000002.jpg']
    assert content['annotations'] == []


@pytest.mark.parametrize(
    ('rows', 'info', 'message'),
    [
        (['1,2,3'], INFO, 'line 1: expected 6 to 10 numbers'),
        (['1,1,nan,2,10,10,1,1,1'], INFO, 'expected 6 to 10 numbers'),
        (['1,1,1,2,10,10,1,7.5,8.5,0'], INFO, '10 columns, as in MOT15'),
        (['1,1,1,2,10,10,1,14,1'], INFO, 'class must be 1 to 13'),
        (['1.5,1,1,2,10,10,1,1,1'], INFO, 'id whole'),
        (['1,1,1,2,10,10,1,1,1'] * 2, INFO, 'frame 1: the id 1 is there twice'),
        ([], '[Sequence]\nimWidth=wide\n', 'imWidth and imHeight'),
    ],
)
def test_damaged_files(tmp_path: Path, rows, info, message):
    make_sequence(tmp_path / 'train' / 'a', rows, info=info)
    with pytest.raises(DatasetError, match=message):
        convert(tmp_path)
    assert not (tmp_path / 'out').exists()


def test_absent_folders_and_frames(tmp_path: Path, capsys):
    out = str(tmp_path / 'out.json')
    assert run_tool(TOOL, tmp_path, out) == 2
    assert 'does not exist' in capsys.readouterr().err
    with pytest.raises(DatasetError, match='No sequence lies in'):
        convert(tmp_path, split='')
    make_sequence(tmp_path / 'train' / 'a', ['4,5,1,2,10,10,1,1,1'])
    with pytest.raises(DatasetError, match='frame 4.*Complete the download'):
        convert(tmp_path, strict=True)
    for image in (tmp_path / 'train' / 'a' / 'img1').iterdir():
        image.unlink()
    with pytest.raises(DatasetError, match='holds no frame'):
        convert(tmp_path)


def test_real_sequences(data_dir: Path, tmp_path: Path, capsys):
    """Counts of an independent reading of the text files with numpy."""
    root = data_dir / 'mot17_mini'
    assert run_tool(TOOL, root, tmp_path / 'train.json') == 0
    assert '2 videos with 12 frames' in capsys.readouterr().out
    content = json.loads((tmp_path / 'train.json').read_text())
    boxes = [b for a in content['annotations'] if not a['iscrowd'] for b in a['bboxes']]
    expected = 0
    for video in content['videos']:
        folder = root / 'train' / video['name']
        assert all((root / name).is_file() for name in video['file_names'])
        rows = np.loadtxt(folder / 'gt/gt.txt', delimiter=',')
        frames = [int(path.stem) for path in (folder / 'img1').iterdir()]
        keep = (rows[:, 7] == 1) & (rows[:, 6] == 1) & np.isin(rows[:, 0], frames)
        expected += keep.sum()
    assert sum(box is not None for box in boxes) == expected > 400
