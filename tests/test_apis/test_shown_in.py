"""Targets that another image shows, through the front door."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from PIL import Image

from helpers.painted_inferencer import GREEN, RED, moved, movie
from helpers.painted_world import box_mask, frame, painted

PHOTO_HW = (48, 96)
SHOWN = (40, 8, 72, 40)
PHOTO = frame(PHOTO_HW, green=SHOWN)
BY = pytest.mark.parametrize(
    'shown',
    [dict(box=SHOWN), dict(mask=box_mask(SHOWN, PHOTO_HW))],
    ids=['box', 'mask'],
)


@pytest.mark.parametrize('asked', [dict(categories='red'), dict(expression='red')])
def test_nothing_is_shown(find, asked):
    for ask in (find.track, lambda **given: find(movie(), **given)):
        with pytest.raises(ValueError, match='shown_in is another image'):
            ask(**asked, shown_in=PHOTO)


@BY
def test_in_images(find, shown):
    images = [frame(red=RED, green=GREEN), frame((64, 64), green=RED)]
    results = find(images, **shown, shown_in=PHOTO)
    for result, box in zip(results, (GREEN, RED)):
        assert result.boxes_xyxy.tolist() == [list(box)]
        assert np.array_equal(result.masks[0], painted(box, result.image.shape[:2]))


@BY
def test_in_a_video(find, video_file, shown):
    results = find(video_file, **shown, shown_in=PHOTO, categories='red')
    for i, result in enumerate(results):
        boxes = dict(zip(result.labels, result.boxes_xyxy.tolist()))
        assert boxes == dict(target=list(moved(GREEN, i)), red=list(moved(RED, i)))
    tracking = find.track(**shown, shown_in=PHOTO)
    for image, result in zip(movie(), results):
        (box,) = tracking.step(image).boxes_xyxy.tolist()
        assert box == result.boxes_xyxy[result.labels.index('target')].tolist()


def test_forms_of_the_image(find, tmp_path):
    path = tmp_path / 'photo.png'
    cv2.imwrite(str(path), PHOTO)
    own = Image.fromarray(np.ascontiguousarray(PHOTO[..., ::-1]))
    for photo in (path, str(path), PHOTO, own):
        (result,) = find(movie(1), box=SHOWN, shown_in=photo)
        assert result.boxes_xyxy.tolist() == [list(GREEN)]


@pytest.mark.parametrize('as_video', [False, True])
@pytest.mark.parametrize(
    ('given', 'message'),
    [
        (dict(shown_in='nowhere.png'), r'Cannot read nowhere\.png'),
        (dict(shown_in=7), 'shown_in is no image.*got int'),
        (dict(box=(100, 0, 120, 9)), 'outside its frame, which is 96 x 48'),
        (dict(box=(-90, 0, 220, 9)), 'far beyond its frame, which is 96 x 48'),
        (dict(box=None, mask=box_mask(RED)), '128x64 pixels and its frame 96x48'),
    ],
)
def test_what_is_wrong_is_told_before_an_image_is_read(find, given, message, as_video):
    given = dict(dict(box=SHOWN, shown_in=PHOTO), **given)
    with pytest.raises(ValueError, match=message):
        find(movie(), **given, as_video=as_video, stream=True)
