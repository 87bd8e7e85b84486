from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from uninext.datasets import VideoAnnotation
from uninext.datasets.transforms import SampleFramePair


def sample(visible: list[int], **more) -> dict:
    """A video of one object that is there where ``visible`` is 1."""
    boxes = [[1, 1, 4, 4] if seen else None for seen in visible]
    names = [f'{t}.jpg' for t in range(len(visible))]
    record = dict(id=1, height=10, width=20, file_names=names)
    annotation = dict(id=3, category_id=0, bboxes=boxes)
    video = VideoAnnotation.from_records(record, [annotation], {0: 0}, '', 'f')
    return dict(video=video, video_id=1, classes=('a',), **more)


def pairs(transform, results, count=300):
    drawn = [transform(dict(results)) for _ in range(count)]
    return [tuple(f['frame_id'] for f in d['frames']) for d in drawn if d is not None]


def test_nothing_is_ever_visible():
    assert SampleFramePair()(sample([0, 0, 0])) is None
    assert SampleFramePair()(sample([0])) is None


@pytest.mark.parametrize('frame_range', [0, -1, 2.5])
def test_range_must_be_positive(frame_range):
    with pytest.raises(ValueError, match='at least 1'):
        SampleFramePair(frame_range)


@pytest.mark.parametrize('frame_range', [1, 3, 200])
def test_pairs_are_two_frames_in_order_within_range(frame_range):
    drawn = pairs(SampleFramePair(frame_range), sample([1] * 12))
    assert len(drawn) == 300
    assert all(0 < b - a <= frame_range for a, b in drawn)
    assert {a for a, _ in drawn} == set(range(11))
    assert max(b - a for a, b in drawn) == min(frame_range, 11)


def test_pairs_are_drawn_as_published():
    """First uniform, second uniform in its window: against an enumeration."""
    length, reach, count = 5, 2, 20000
    expected = Counter()
    for first in range(length):
        window = [
            t for t in range(length) if 0 < abs(t - first) <= reach and 0 <= t < length
        ]
        for second in window:
            expected[tuple(sorted((first, second)))] += 1 / length / len(window)
    drawn = Counter(pairs(SampleFramePair(reach), sample([1] * length), count))
    assert set(drawn) == set(expected)
    for pair, share in expected.items():
        assert drawn[pair] / count == pytest.approx(share, abs=0.015)


def test_both_frames_show_something():
    drawn = pairs(SampleFramePair(2), sample([1, 0, 1, 0, 0, 0, 1]))
    assert set(drawn) == {(0, 2)}  # frame 6 has none near it
    assert len(drawn) > 150


def test_two_objects_in_turns_make_a_pair():
    record = dict(id=1, height=10, width=20, file_names=['a', 'b'])
    box = [1, 1, 4, 4]
    annotations = [
        dict(id=0, category_id=0, bboxes=[box, None]),
        dict(id=1, category_id=0, bboxes=[None, box]),
    ]
    video = VideoAnnotation.from_records(record, annotations, {0: 0}, '', 'f')
    frames = SampleFramePair()(dict(video=video))['frames']
    assert [[i['instance_id'] for i in f['instances']] for f in frames] == [[0], [1]]


def test_a_video_of_one_frame_is_seen_twice():
    first, second = SampleFramePair()(sample([1]))['frames']
    assert first == second
    assert first is not second


def test_an_image_is_seen_twice():
    instances = [dict(bbox=[0, 0, 1, 1], bbox_label=2, ignore_flag=0) for _ in 'ab']
    image = dict(img_path='x.jpg', instances=instances, expressions=['b'])
    first, second = SampleFramePair()(image)['frames']
    assert first == second
    assert first is not second
    assert [i['instance_id'] for i in first['instances']] == [0, 1]
    assert (first['frame_id'], first['expressions']) == (0, ['b'])
    assert 'instance_id' not in instances[0]


def test_frames_carry_what_the_sample_carried():
    frames = SampleFramePair()(sample([1, 1], expressions=['a']))['frames']
    for frame in frames:
        assert frame['expressions'] == ['a']
        assert (frame['video_id'], frame['classes']) == (1, ('a',))
        assert 'video' not in frame
    assert np.array_equal([f['img_path'] for f in frames], ['0.jpg', '1.jpg'])


def test_repr():
    assert repr(SampleFramePair(3)) == 'SampleFramePair(frame_range=3)'
