"""Tracks of a video, and their tables of MOTChallenge and YouTube-VIS."""

from __future__ import annotations

import json
import pickle
from dataclasses import replace

import numpy as np
import pytest

from helpers.made_up_results import HEIGHT, WIDTH, make_result, make_video
from uninext.apis import (
    AskedPrompt,
    to_cvat,
    to_mot_lines,
    to_youtube_vis,
    to_youtube_vis_labels,
)
from uninext.apis.exports import VideoTracks
from uninext.formats.mot_text import read_mot
from uninext.formats.rle import decode_segmentation


def test_nothing():
    tracks = VideoTracks()
    assert to_youtube_vis(tracks) == to_youtube_vis([]) == to_mot_lines([]) == []
    assert (tracks.num_frames, tracks.size_hw, tracks.categories) == (0, None, {})
    frames = [make_result(0, frame, []) for frame in range(2)]
    assert to_mot_lines(frames) == to_youtube_vis(frames) == []


def test_tracks_of_a_video():
    tracks = VideoTracks(make_video())
    assert tracks.num_frames == 4
    assert tracks.size_hw == (60, 80)
    assert tracks.categories == {'dog': 1, 'cat': 2, 'the cat': 3}
    assert sorted(tracks.tracks) == [0, 1]
    first = tracks.tracks[0]
    assert list(first.sightings) == [0, 2, 3]
    assert (first.label, first.prompt) == ('cat', 'dog, cat')
    assert first.score == pytest.approx(0.9)
    assert first.sightings[0].box_xywh == [2, 4, 10, 6]


def test_nothing_of_the_images_is_kept():
    """Whatever is held is found in the pickled size: no array of pixels is there."""
    tracks = VideoTracks([make_result(2, i, [0, 1]) for i in range(9)])
    assert len(pickle.dumps(tracks)) < 9 * 1000


def test_frames_of_one_size():
    tracks = VideoTracks([make_result(1, 0, [0])])
    other = make_result(1, 1, [0])
    other.image = np.zeros((60, 90, 3), np.uint8)
    with pytest.raises(ValueError, match='Frame 1 is 90 x 60 .* first was 80 x 60'):
        tracks.add(other)


def test_mot_lines(tmp_path):
    lines = to_mot_lines(make_video())
    assert lines == [
        '1,1,2.00,4.00,10.00,6.00,0.9000,2,-1,-1',
        '3,1,2.00,4.00,10.00,6.00,0.9000,2,-1,-1',
        '3,2,20.00,15.00,55.00,40.00,0.5000,1,-1,-1',
        '4,1,2.00,4.00,10.00,6.00,0.9000,1,-1,-1',
    ]
    path = tmp_path / 'video.txt'
    path.write_text('\n'.join(lines))
    assert read_mot(path).rows[:, :2].tolist() == [[1, 1], [3, 1], [3, 2], [4, 1]]


def test_mot_lines_tell_prompts_of_all_kinds_apart():
    target = AskedPrompt('box (0, 0, 80, 60)', ('target',), single=True)
    result = make_result(3, 0, [0, 1, 2])
    kinds = dict(prompts=(*result.prompts, target), prompt_ids=np.arange(3))
    lines = to_mot_lines([replace(result, **kinds, label_ids=np.array([1, 0, 0]))])
    assert [line.split(',')[7] for line in lines] == ['2', '3', '4']


def test_youtube_vis():
    records = json.loads(json.dumps(to_youtube_vis(make_video(), video_id=9)))
    assert [r['video_id'] for r in records] == [9, 9]
    assert [r['category_id'] for r in records] == [2, 1]
    assert records[0]['score'] == pytest.approx(0.9)
    present = [box is not None for box in records[0]['bboxes']]
    assert present == [True, False, True, True]
    assert records[1]['bboxes'] == [None, None, [20, 15, 55, 40], None]
    mask = decode_segmentation(records[1]['segmentations'][2], HEIGHT, WIDTH)
    assert np.array_equal(mask, make_result().masks[1])
    ids = {'dog': 5, 'cat': 6, 'the cat': 7}
    assert to_youtube_vis(make_video(), 9, ids)[0]['category_id'] == 6
    (record,) = to_youtube_vis([make_result(1, 0, [3], with_masks=False)])
    assert 'segmentations' not in record


@pytest.mark.parametrize(
    'export',
    [
        VideoTracks,
        to_cvat,
        to_mot_lines,
        to_youtube_vis,
        lambda results: to_youtube_vis_labels(results, ['a.jpg']),
    ],
)
def test_single_images_have_no_tracks(export):
    with pytest.raises(ValueError, match='single images'):
        export([make_result()])
