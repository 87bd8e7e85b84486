"""Paths, paint and labels of generated videos."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from pycocotools import mask as mask_utils

from helpers.generated import nearest_color
from uninext.formats.json_file import read_json
from uninext.shapes import backgrounds, draw_video, generate_video, render
from uninext.shapes import motion as motion_module
from uninext.shapes.video_labels import LabelledVideo, Track
from uninext.shapes.video_set import write_video_set
from uninext.shapes.vocabulary import CATEGORIES, SIZES

SIZE_WH = (96, 64)


@pytest.mark.parametrize(
    'kwargs, match',
    [
        (dict(size_wh=(96, 32)), 'size must be at least 64'),
        (dict(length=0), 'frames must be at least 1'),
        (dict(num_objects=(3, 2)), 'num_objects must be'),
        (dict(num_objects=(1, 256)), 'num_objects must be'),
    ],
    ids=str,
)
def test_errors_say_what_was_given(kwargs: dict, match: str):
    with pytest.raises(ValueError, match=match):
        draw_video(np.random.default_rng(0), **kwargs)


def test_a_photograph_that_is_missing_is_an_error():
    with pytest.raises(FileNotFoundError, match='scikit-image'):
        backgrounds.load_photo('absent.png')


@pytest.mark.parametrize('kind', backgrounds.MORE_BACKGROUNDS)
def test_backgrounds_have_the_size_and_are_muted(kind: str):
    rng = np.random.default_rng(1)
    for photo in backgrounds.MORE_PHOTOS if kind == 'photo' else ('none',):
        image = backgrounds.draw_background(rng, (70, 50), [kind], [photo])
        assert image.shape == (50, 70, 3)
        assert image.dtype == np.float32
        assert image.min() >= 0
        assert image.max() <= 255
        assert image.std() > 1


def test_a_video_of_one_frame():
    scene = draw_video(np.random.default_rng(0), SIZE_WH, 1)
    (frame,) = render(scene)
    assert len(scene) == 1
    assert frame.image.shape == (64, 96, 3)
    assert frame.owners.max() <= len(scene.objects)


@pytest.mark.parametrize('move', motion_module.MOVES)
@pytest.mark.parametrize('length', [1, 4, 24])
def test_ways_keep_their_promises(move: str, length: int):
    size = np.array([120.0, 80.0])
    for seed in range(20):
        rng = np.random.default_rng(seed)
        radii, _ = motion_module._draw_radii(rng, 80, length)
        centers = getattr(motion_module._Way(rng, size, radii), move)()
        assert centers.shape == (length, 2)
        away = ((centers < -radii[:, None]) | (centers > size + radii[:, None])).any(1)
        if move == 'still':
            assert np.ptp(centers, axis=0).max() == 0
        if move == 'leave' and length > 4:
            assert not away[0]
            assert not away[-1]
            assert away.any()
        elif move == 'enter' and length > 4:
            assert away[0]
            assert not away[-1]
        elif move not in ('leave', 'enter'):
            edge = radii.max()
            assert (centers >= edge - 1e-6).all()
            assert (centers <= size - edge + 1e-6).all()
            steps = np.linalg.norm(np.diff(centers, axis=0), axis=1)
            assert steps.max(initial=0) <= motion_module.MAX_STEP * 80 * 1.01


def test_sizes_keep_their_words():
    for seed in range(40):
        rng = np.random.default_rng(seed)
        path = motion_module.draw_path(rng, 'square', (100, 80), 24)
        low, high = path.radii.min() / 80, path.radii.max() / 80
        if path.size == 'small':
            assert high < SIZES['large'][0] * (1 - motion_module.PULSE)
        elif path.size == 'large':
            assert low > SIZES['small'][1] * (1 + motion_module.PULSE)
        else:
            assert high / low > 1.5
        assert np.abs(np.diff(path.angles)).max() <= motion_module.MAX_TURN + 1e-9


def test_round_shapes_do_not_turn_and_cameras_hardly_tremble():
    rng = np.random.default_rng(0)
    for _ in range(20):
        path = motion_module.draw_path(rng, 'ring', (100, 80), 10)
        assert np.ptp(path.angles) == 0
        assert np.abs(motion_module.draw_camera(rng, 80, 10)).max() <= 0.012 * 80


def test_videos_are_functions_of_their_generator_and_tripods_stand():
    first, second = (draw_video(np.random.default_rng(5), SIZE_WH, 3) for _ in '12')
    for one, other in zip(render(first), render(second)):
        assert (one.image == other.image).all()
    for seed in range(6):
        rng = np.random.default_rng(seed)
        assert not draw_video(rng, SIZE_WH, 3, hand_camera=False).camera.any()


def test_a_kind_is_there_twice_and_nothing_starts_hidden():
    for seed in range(12):
        scene = draw_video(np.random.default_rng(seed), SIZE_WH, 6)
        kinds = [obj.words['category'] for obj in scene.objects]
        assert set(kinds) <= set(CATEGORIES)
        if len(kinds) > 1:
            assert max(map(kinds.count, kinds)) > 1
        frame = next(render(scene))
        seen = np.bincount(frame.owners.ravel(), minlength=len(kinds) + 1)[1:]
        assert (seen >= 0.6 * frame.inside).all()


def test_pixels_of_an_object_have_its_colour():
    scene = draw_video(np.random.default_rng(3), (160, 120), 2, (4, 4))
    frame = next(render(scene))
    for number, obj in enumerate(scene.objects, start=1):
        mask = cv2.erode((frame.owners == number).astype(np.uint8), np.ones((3, 3)))
        pixels = frame.image[mask > 0]
        assert len(pixels) < 30 or nearest_color(pixels) == obj.words['color']


def test_labels_are_what_is_painted(tmp_path: Path):
    seed = [0, 7]
    video = generate_video(
        np.random.default_rng(seed), tmp_path / 'v', SIZE_WH, 8, (5, 8)
    )
    frames = list(render(draw_video(np.random.default_rng(seed), SIZE_WH, 8, (5, 8))))
    assert len(video) == 8
    for index, (frame, path) in enumerate(zip(frames, video.frames)):
        image = cv2.imread(str(path))[..., ::-1]
        assert np.abs(image.astype(float) - frame.image).mean() < 12  # JPEG
        for track in video.tracks:
            shown = frame.owners == track.id
            box, rle = track.boxes_xywh[index], track.masks[index]
            assert (box is None) == (rle is None) == (track.visibility[index] == 0)
            if box is None:
                assert shown.sum() < max(6, 0.08 * frame.areas[track.id - 1])
                continue
            assert (mask_utils.decode(rle) == shown).all()
            rows, columns = np.nonzero(shown)
            x, y, width, height = box
            assert (x, y) == (columns.min(), rows.min())
            assert (x + width - 1, y + height - 1) == (columns.max(), rows.max())
            assert not track.outside[index]
            share = shown.sum() / frame.areas[track.id - 1]
            assert track.visibility[index] == pytest.approx(share)


def test_what_leaves_comes_back_as_the_same(tmp_path: Path):
    returned = hidden = 0
    for seed in range(25):
        rng = np.random.default_rng(seed)
        video = generate_video(rng, tmp_path / 'v', SIZE_WH, 12, (4, 8))
        assert len({track.id for track in video.tracks}) == len(video.tracks)
        target = video.target()
        assert target is None or target.visible[0]
        for track in video.tracks:
            seen = np.flatnonzero(track.visible)
            gap = ~track.visible[seen[0] : seen[-1]]
            returned += (gap & track.outside[seen[0] : seen[-1]]).any()
            hidden += (gap & ~track.outside[seen[0] : seen[-1]]).any()
    assert returned >= 3
    assert hidden >= 1


def _track(number: int, color: str, first: bool = True) -> Track:
    words = dict(category='star', color=color, size='large', texture='plain')
    boxes = ([1, 1, 9, 9] if first else None, [2, 2, 9, 9])
    seen = np.array([float(box is not None) for box in boxes])
    return Track(number, words, boxes, (None, None), seen, ~seen.astype(bool))


def test_what_looks_like_another_is_no_target():
    twins = [_track(1, 'red'), _track(2, 'red', first=False)]
    blue = _track(3, 'blue')
    video = LabelledVideo('v', (Path('0.jpg'), Path('1.jpg')), SIZE_WH, (*twins, blue))
    assert [video.has_twin(track) for track in video.tracks] == [True, True, False]
    assert video.target() is blue
    assert replace(video, tracks=tuple(twins)).target() is None
    assert replace(video, tracks=()).target() is None


def test_twins_are_in_a_file_of_their_own(tmp_path: Path):
    tracks = (
        _track(1, 'red'),
        _track(2, 'red'),
        _track(3, 'blue'),
        _track(4, 'red', False),
    )
    video = LabelledVideo('v', (Path('0.jpg'), Path('1.jpg')), SIZE_WH, tracks)
    write_video_set(tmp_path, 'val', [video], [])
    ids = {
        name: [
            a['object_id']
            for a in read_json(tmp_path / f'{name}_val.json')['annotations']
        ]
        for name in ('sot', 'vos', 'vos_twins')
    }
    assert ids == dict(sot=[3], vos=[3], vos_twins=[1, 2])
    write_video_set(tmp_path, 'test', [replace(video, tracks=tracks[2:3])], [])
    assert not (tmp_path / 'vos_twins_test.json').exists()
