"""Sources of which a part is damaged, and what is left of them."""

from __future__ import annotations

import warnings
from pathlib import Path

import cv2
import numpy as np
import pytest

from fuzz.mutators import bomb
from helpers.painted_inferencer import GREEN, RED, PaintedVideos, movie
from helpers.painted_world import HEIGHT, WIDTH, box_mask, frame
from uninext.apis import (
    Result,
    SkippedImageWarning,
    SourceError,
    SourceWarning,
    UninextInferencer,
    result_streams,
)


@pytest.fixture
def photos(folder) -> Path:
    """Four images, of which the second is damaged and the third is too thin."""
    (folder / '001.png').write_bytes(b'nothing')
    cv2.imwrite(str(folder / '002.png'), np.zeros((1, 400, 3), np.uint8))
    return folder


def names(results: list[Result]) -> list[str]:
    return [Path(result.path).name for result in results]


# -------------------------------------------------------------------- single images


def test_nothing_that_can_be_used(find, tmp_path):
    (tmp_path / 'a.png').touch()
    with pytest.warns(SkippedImageWarning):
        assert find(tmp_path, categories='red', on_error='skip') == []


@pytest.mark.parametrize('batch_size', [1, 3])
def test_what_cannot_be_used_is_skipped_and_named(find, photos, batch_size):
    with pytest.warns(SkippedImageWarning) as told:
        results = find(photos, categories='red', on_error='skip', batch_size=batch_size)
    assert names(results) == ['000.png', '003.png']
    assert [len(result) for result in results] == [1, 1]
    first, second = (str(warning.message) for warning in told)
    assert first.startswith(f'skipped: Cannot read {photos / "001.png"}')
    assert second.startswith(f'skipped: {photos / "002.png"}: An image of 400 x 1')


@pytest.mark.parametrize('batch_size', [1, 3])
def test_results_before_an_error_are_kept(find, photos, batch_size):
    results = find(photos, categories='red', stream=True, batch_size=batch_size)
    assert Path(next(results).path).name == '000.png'
    with pytest.raises(SourceError, match=r'Cannot read .*001\.png'):
        next(results)


def test_images_in_memory_have_numbers(find):
    images = [frame(red=RED), np.zeros((1, 1, 3), np.uint8), frame(red=RED)]
    with pytest.warns(SkippedImageWarning, match=r'skipped: Image 1 \(from 0\): An'):
        assert len(find(images, categories='red', on_error='skip')) == 2


@pytest.mark.parametrize(
    ('shown', 'wrong'),
    [
        (dict(box=(70, 10, 100, 40)), 'outside its frame'),
        (dict(mask=box_mask(GREEN)), 'its frame 48x48'),
    ],
)
@pytest.mark.parametrize('batch_size', [1, 3])
def test_an_image_that_a_box_or_mask_does_not_fit(find, shown, wrong, batch_size):
    images = [frame(green=GREEN), np.zeros((48, 48, 3), np.uint8), frame(green=GREEN)]
    given = dict(**shown, batch_size=batch_size)
    with pytest.warns(SkippedImageWarning, match=rf'Image 1 .*{wrong}'):
        assert len(find(images, **given, on_error='skip')) == 2
    results = find(images, **given, stream=True)
    next(results)
    with pytest.raises(SourceError, match=rf'Image 1 .*{wrong}'):
        next(results)


def test_what_on_error_may_be(find):
    with pytest.raises(ValueError, match="on_error must be one of .*got 'ignore'"):
        find(frame(), categories='red', on_error='ignore')


def test_half_a_jpeg_is_answered_with_a_warning(find, tmp_path):
    path = tmp_path / 'half.jpg'
    content = cv2.imencode('.jpg', frame(red=RED))[1].tobytes()
    path.write_bytes(content[: len(content) * 2 // 3])
    with pytest.warns(SourceWarning, match=r'half\.jpg is damaged'):
        assert len(find(path, categories='red')) == 1


# ---------------------------------------------------------------------------- masks


def test_a_map_of_numbers_is_a_target_each(find):
    numbers = box_mask(RED).int().numpy() + 2 * box_mask(GREEN).int().numpy()
    (result,) = find(frame(red=RED, green=GREEN), mask=numbers)
    assert result.boxes_xyxy.tolist() == [list(RED), list(GREEN)]
    assert [prompt.text for prompt in result.prompts] == ['mask', 'mask']


def test_paths_of_masks(find, tmp_path):
    paths = [tmp_path / 'a.png', str(tmp_path / 'b.png')]
    for path, box in zip(paths, (RED, GREEN)):
        cv2.imwrite(str(path), box_mask(box).numpy().astype(np.uint8) * 255)
    for given, boxes in ((paths, [RED, GREEN]), (paths[0], [RED])):
        (result,) = find(frame(red=RED, green=GREEN), mask=given)
        assert result.boxes_xyxy.tolist() == [list(box) for box in boxes]


# --------------------------------------------------------------------------- videos


def test_frames_of_a_tracked_folder_are_never_left_out(find, photos):
    results = find(
        photos, categories='red', as_video=True, on_error='skip', stream=True
    )
    assert next(results).frame == 0
    with pytest.raises(SourceError, match=r'001\.png'):
        next(results)


def test_frames_of_a_video_have_times(find, video_file):
    for as_video in (True, False):
        results = find(video_file, categories='red', as_video=as_video)
        times = [result.time for result in results]
        np.testing.assert_allclose(times, [0, 0.2, 0.4, 0.6], atol=1e-6)
        assert results[1].to_dict()['time'] == times[1]
    for results in (
        find(movie(2), categories='red', as_video=True),
        find(movie(1), categories='red'),
    ):
        assert [result.time for result in results] == [None] * len(results)


# --------------------------------------------------------------------------- memory


def test_a_list_that_fills_the_memory_is_told(find, monkeypatch):
    one = HEIGHT * WIDTH * (3 + 1)  # the image and a mask of it
    monkeypatch.setattr(result_streams, 'LARGE_LIST', 5.5 * one)
    with pytest.warns(RuntimeWarning) as told:
        assert len(find(movie(6), categories='red', as_video=True)) == 6
    (warning,) = told  # once, after the first result
    gigabytes = 6 * one / 1e9
    assert f'1 results hold {one / 1e9:.3g} GB, and all 6' in str(warning.message)
    assert f'about {gigabytes:.3g} GB' in str(warning.message)
    assert 'stream=True' in str(warning.message)
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        find(movie(5), categories='red', as_video=True)
        assert len(list(find(movie(9), categories='red', stream=True))) == 9


def test_a_list_whose_length_is_not_known(monkeypatch):
    result = UninextInferencer(PaintedVideos(), scale=None)(frame(), categories='red')[
        0
    ]
    monkeypatch.setattr(
        result_streams, 'LARGE_LIST', 2.5 * result_streams.num_bytes(result)
    )
    with pytest.warns(RuntimeWarning, match='3 results hold .* more than'):
        result_streams.collected(iter([result] * 4), None)
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        result_streams.collected(iter([result] * 2), None)


# ---------------------------------------------------------------------- what is given


def test_arrays_of_other_channels_are_read_as_files_are(find):
    grey = frame(red=RED).max(axis=2)
    with_alpha = np.dstack([frame(red=RED), np.zeros((HEIGHT, WIDTH), np.uint8)])
    for image, same in (
        (with_alpha, frame(red=RED)),
        (grey, cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR)),
        (grey[..., None], cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR)),
    ):
        (result,), (expected,) = (find(one, categories='red') for one in (image, same))
        np.testing.assert_array_equal(result.image, same)
        np.testing.assert_array_equal(result.boxes_xyxy, expected.boxes_xyxy)


def test_a_box_outside_is_told_in_the_pixels_that_were_given():
    halved = UninextInferencer(PaintedVideos(), scale=(HEIGHT // 2, WIDTH // 2))
    told = rf'\(500, 500, 600, 600\) lies outside its frame.* {WIDTH} x {HEIGHT} pixels'
    for as_video in (False, True):
        with pytest.raises(ValueError, match=told):
            halved([frame()], box=(500, 500, 600, 600), as_video=as_video)
        with pytest.raises(ValueError, match='reaches far beyond its frame'):
            halved([frame()], box=(1, 1, 1e30, 1e30), as_video=as_video)


@pytest.mark.parametrize(
    ('source', 'message'),
    [
        ('', 'empty text'),
        (' ', 'empty text'),
        ('http://a.b/x.JPG?y=1', 'images by address are not read: download it'),
    ],
)
def test_sources_that_are_none(find, source, message):
    with pytest.raises(ValueError, match=message):
        find(source, categories='red', stream=True)


def test_an_image_without_an_ending_is_one(find, tmp_path):
    content = cv2.imencode('.jpg', frame(red=RED))[1].tobytes()
    (tmp_path / 'photo').write_bytes(content)
    (result,) = find(tmp_path / 'photo', categories='red')
    assert result.frame is None


def test_a_header_that_tells_of_too_many_pixels(find, tmp_path):
    (tmp_path / 'bomb.png').write_bytes(bomb())
    with pytest.raises(SourceError, match=r'bomb\.png'):
        find(tmp_path / 'bomb.png', categories='red')
    with pytest.raises(SourceError, match=r'bomb\.png cannot be read'):
        find(frame(), mask=tmp_path / 'bomb.png')
