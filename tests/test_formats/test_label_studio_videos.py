"""Exports of Label Studio that hold videos, written by hand."""

from __future__ import annotations

import json
from typing import Any

import pytest

from uninext.formats.errors import DatasetError
from uninext.formats.label_studio import track_region
from uninext.formats.label_studio_videos import read_video_export

SIZE_WH = 200, 100
SIDES = dict(width=10, height=20)  # 20 x 20 pixels


def keyframe(frame: Any, x: float = 0, enabled: Any = True, **changes: Any) -> dict:
    place = dict(SIDES, x=x, y=50, rotation=0, time=frame, frame=frame)
    return dict(place, enabled=enabled, **changes)


def region(*sequence: dict, labels: Any = ('dog',), count: Any = 6) -> dict:
    value = dict(framesCount=count, duration=0.6, sequence=[*sequence])
    value['labels'] = [*labels] if isinstance(labels, tuple) else labels
    names = dict(from_name='box', to_name='video', meta={})
    return dict(names, id='a1', type='videorectangle', value=value)


def task(*regions: Any, **changes: Any) -> dict:
    annotation = dict(id=5, completed_by=1, was_cancelled=False, result=[*regions])
    data = dict(video='/data/local-files/?d=walk.mp4')
    return dict(dict(id=3, data=data, annotations=[annotation]), **changes)


@pytest.fixture
def read(tmp_path):
    def read_tasks(*tasks: Any):
        path = tmp_path / 'export.json'
        path.write_text(json.dumps([*tasks]))
        return read_video_export(path)

    return read_tasks


def lefts(one) -> list[float | None]:
    """The left side of an object in each of 6 frames, pixels."""
    boxes = one.boxes_xywh(6, SIZE_WH)
    assert all(box is None or box[1:] == [50, 20, 20] for box in boxes)
    return [box and box[0] for box in boxes]


def test_nothing(read):
    assert read() == ([], [])
    assert read(task(annotations=[]), task(id=4, annotations=[])) == ([], [3, 4])
    (video,), _ = read(task())
    assert (video.task, video.url) == (3, '/data/local-files/?d=walk.mp4')
    assert (video.tracks, video.num_frames) == ((), None)


@pytest.mark.parametrize(
    ('sequence', 'expected'),
    [
        ([keyframe(1)], [0, 0, 0, 0, 0, 0]),
        ([keyframe(6, 5)], [None, None, None, None, None, 10]),
        ([keyframe(2, 5, False)], [None, 10, None, None, None, None]),
        ([keyframe(1), keyframe(5, 20)], [0, 10, 20, 30, 40, 40]),
        ([keyframe(5, 20, False), keyframe(1)], [0, 10, 20, 30, 40, None]),
        (
            [keyframe(1, 1), keyframe(2, 2, False), keyframe(5, 3, False)],
            [2, 4, None, None, 6, None],
        ),
    ],
)
def test_where_an_object_is(read, sequence, expected):
    (video,), _ = read(task(region(*sequence)))
    (track,) = video.tracks
    assert lefts(track) == pytest.approx(expected)
    assert (track.label, video.num_frames) == ('dog', 6)


def test_a_video_that_is_shorter_than_was_counted(read):
    (video,), _ = read(task(region(keyframe(2), keyframe(6, 20))))
    (track,) = video.tracks
    boxes = track.boxes_xywh(4, SIZE_WH)
    assert [box and box[0] for box in boxes] == pytest.approx([None, 0, 10, 20])
    assert track.boxes_xywh(1, SIZE_WH) == [None]


def test_what_is_written_is_read_back(read):
    boxes = {0: [1.0, 2, 3, 4], 1: [2.0, 2, 3, 4], 4: [5.0, 2, 3, 4]}
    written = track_region(7, 'dog', boxes, SIZE_WH, 6, 10, score=0.5)
    (video,), _ = read(task(written))
    found = video.tracks[0].boxes_xywh(6, SIZE_WH)
    assert {i: box for i, box in enumerate(found) if box} == {
        frame: pytest.approx(box) for frame, box in boxes.items()
    }


def test_what_says_nothing_of_objects_is_passed_over(read):
    cancelled = dict(was_cancelled=True, result=[region(keyframe(1))])
    choice = dict(type='choices', value=dict(choices=['dusk']))
    relation = dict(type='relation', from_id='a1', to_id='a2')
    given = task(region(keyframe(1)), choice, relation)
    given['annotations'].append(cancelled)
    given['predictions'] = [dict(result=[region(keyframe(1))])]
    given['data'].update(note='at dusk')
    (video,), others = read(given, task(id=4, annotations=[cancelled]))
    assert (len(video.tracks), others) == (1, [4])


@pytest.mark.parametrize(
    ('given', 'message'),
    [
        (7, 'is no list of tasks. Export the project as "JSON"'),
        (dict(id=3, video='a.mp4', box=[]), 'task 3 has no data and annotations; "JSO'),
        (task(annotations=[7]), 'task 3 has an annotation without a result'),
        (task(annotations=[dict(result=[])] * 2), 'task 3 has 2 annotations, and'),
        (task(data=dict(a='x', b='y')), r"shows no video: its data are \['a', 'b'\]"),
        (task(7), 'has a region None; expected videorectangle'),
        (task(dict(type='rectanglelabels', value={})), "a region 'rectanglelabels'"),
        (task(dict(type='videorectangle', value=[])), "a region 'videorectangle'"),
        (task(region(keyframe(1), labels=None)), 'region a1 has the labels None; exp'),
        (task(region(keyframe(1), labels=('a', 'b'))), r"labels \['a', 'b'\]; expec"),
        (task(region(keyframe(1), labels=(3,))), r'labels \[3\]; expected one'),
        (task(region()), 'region a1 has no sequence of boxes'),
        (task(region(keyframe(2), keyframe(2, 9))), 'has two boxes in frame 2'),
        (task(region(keyframe(7))), 'has the framesCount 6; expected 7 or more'),
        (task(region(keyframe(1), count=None)), 'framesCount None; expected 1 or mo'),
        (
            task(region(keyframe(1)), region(keyframe(1), count=7)),
            r'regions of videos of \[6, 7\] frames',
        ),
        (task(region(keyframe(0))), "the keyframe .*'frame': 0.*expected frame from 1"),
        (task(region(keyframe(1.5))), 'expected frame from 1, enabled true or false'),
        (task(region(keyframe(True))), 'expected frame from 1, enabled true or false'),
        (task(region(keyframe(1, enabled=None))), 'enabled true or false'),
        (task(region(keyframe(1, x=None))), 'x, y, width, height of a box'),
        (task(region(dict(keyframe(1), width=0))), 'x, y, width, height of a box'),
        (task(region(7)), 'has the keyframe 7'),
        (task(region(dict(keyframe(1), rotation=30))), 'is turned by 30 degrees in f'),
    ],
)
def test_what_is_no_export_of_videos(read, given, message):
    with pytest.raises(DatasetError, match=rf'export\.json.*{message}'):
        read(given)


def test_an_object_is_no_list(tmp_path):
    (tmp_path / 'export.json').write_text('{}')
    with pytest.raises(DatasetError, match='is no list of tasks'):
        read_video_export(tmp_path / 'export.json')
