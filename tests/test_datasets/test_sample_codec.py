from __future__ import annotations

import numpy as np
import pytest

from uninext.datasets import VideoAnnotation
from uninext.datasets.sample_codec import EncodingError, decode_sample, encode_sample


def round_trip(sample: dict) -> dict:
    return decode_sample(np.frombuffer(encode_sample(sample), dtype=np.uint8))


def test_nothing():
    assert round_trip({}) == {}
    assert len(encode_sample({})) % 8 == 0


@pytest.mark.parametrize(
    'value',
    [
        0.1 + 0.2,
        1e-308,
        -0.0,
        2**70,
        'caf\u00e9 \U0001f415',
        '\ud800',
        [[1, 2.5]],
        None,
    ],
    ids=repr,
)
def test_values_come_back_as_they_were(value):
    (got,) = round_trip(dict(key=value)).values()
    assert (type(got), repr(got)) == (type(value), repr(value))


@pytest.mark.parametrize(
    'instances',
    [
        *([], [{}], [{}, {}], [dict(a=1, b=[2])], [dict(a=1, b=2), dict(b=3, a=4)]),
        *([dict(a=1), dict(a=None)], [dict(a=1), dict(a=1, mask=[[1]])]),
    ],
    ids=repr,
)
def test_instances(instances):
    (got,) = round_trip(dict(instances=instances)).values()
    assert repr(got) == repr(instances)  # the order of keys, too


@pytest.mark.parametrize('value', [(1, 2), float('nan'), {1: 2}, b'1', np.float32(1)])
def test_what_json_would_change_is_refused(value):
    with pytest.raises(EncodingError, match='JSON'):
        encode_sample(dict(key=value))


@pytest.mark.parametrize('for_evaluation', [False, True])
def test_videos(for_evaluation):
    record = dict(
        id='a', height=10, width=20, file_names=['\u00e9/0.jpg', '1.jpg', '2']
    )
    box, outside = [1.0, 2.0, 4.5, 5.0], [-9.0, 1.0, 4.0, 4.0]
    annotations = [
        dict(category_id=1, id=3, bboxes=[box, None, outside], considered=1),
        dict(category_id=1, id=4, bboxes=[None, None, box], iscrowd=1, is_seen=0),
        dict(category_id=1, id=5, segmentations=[[[1, 1, 5, 1, 5, 6]], None, None]),
    ]
    video = VideoAnnotation.from_records(
        record, annotations, {1: 0}, 'root', 'f', for_evaluation
    )
    sample = round_trip(dict(video=video, video_id='a', referred=[['1', 'dog', None]]))
    twin = sample.pop('video')
    assert sample == dict(video_id='a', referred=[['1', 'dog', None]])
    assert [twin.frame(t) for t in range(3)] == [video.frame(t) for t in range(3)]
    assert np.array_equal(twin.presence, video.presence)
    assert twin.boxes.dtype == video.boxes.dtype
    with pytest.raises(ValueError, match='read-only'):
        twin.boxes[0] = 0
    empty = VideoAnnotation.from_records(record, [], {}, '', 'f')
    assert round_trip(dict(video=empty))['video'].frame(2) == empty.frame(2)
