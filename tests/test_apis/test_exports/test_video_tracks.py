from __future__ import annotations

import numpy as np
import pytest

from uninext.apis.exports import VideoTracks, mot_lines_of, to_mot_lines, to_youtube_vis


def test_nothing():
    tracks = VideoTracks()
    assert tracks.youtube_vis() == to_mot_lines([]) == []
    assert (tracks.num_frames, tracks.size_hw, tracks.categories) == (0, None, {})


def test_tracks_of_a_video(make_video):
    tracks = VideoTracks(make_video())
    assert tracks.num_frames == 4
    assert tracks.size_hw == (60, 80)
    assert tracks.categories == {'dog': 1, 'cat': 2, 'the cat': 3}
    assert sorted(tracks.tracks) == [0, 1]
    first = tracks.tracks[0]
    assert list(first.sightings) == [0, 2, 3]
    assert first.label == 'cat'
    assert first.score == pytest.approx(0.9)
    assert first.sightings[0].box_xywh == [2, 4, 10, 6]


def test_nothing_of_the_images_is_kept(make_result):
    """Whatever is held is found in the pickled size: no array of pixels is there."""
    import pickle

    tracks = VideoTracks([make_result(2, i, [0, 1]) for i in range(9)])
    assert len(pickle.dumps(tracks)) < 9 * 1000


def test_frames_one_by_one_are_frames_at_once(make_video):
    lines = [line for result in make_video() for line in mot_lines_of(result)]
    assert lines == to_mot_lines(make_video())
    assert len(lines) == 4
    gathered = VideoTracks()
    for result in make_video():
        gathered.add(result)
    assert gathered.youtube_vis(7) == to_youtube_vis(make_video(), 7)


def test_frames_of_one_size(make_result):
    tracks = VideoTracks([make_result(1, 0, [0])])
    other = make_result(1, 1, [0])
    other.image = np.zeros((60, 90, 3), np.uint8)
    with pytest.raises(ValueError, match='Frame 1 is 90 x 60 .* first was 80 x 60'):
        tracks.add(other)


def test_single_images_have_no_tracks(make_result):
    with pytest.raises(ValueError, match='single images'):
        VideoTracks([make_result()])
