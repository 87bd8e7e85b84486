"""Label Studio's JSON: read back; its own package checks it where it is installed."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from helpers.labelled_layouts import EMPTY, NAMES, assert_same_objects, made_up_image
from uninext.formats.errors import DatasetError
from uninext.formats.label_studio import (
    image_regions,
    label_config,
    prediction,
    read_image_regions,
    read_track_region,
    track_region,
)


def test_nothing():
    assert image_regions(EMPTY) == []
    assert read_image_regions([]) is None
    assert prediction([], 'm') == dict(model_version='m', score=1.0, result=[])


@pytest.mark.parametrize('with_masks', [True, False])
def test_regions_of_images_are_read_back(with_masks):
    image = made_up_image(with_masks)
    regions = image_regions(image)
    read = read_image_regions(regions, 'a b/c.jpg')
    assert (read.file_name, read.height, read.width) == ('a b/c.jpg', 60, 80)
    assert_same_objects(read.instances, image)
    assert [i.score for i in read.instances] == [0.25, 0.75]
    assert prediction(regions, 'm')['score'] == 0.25
    assert len({region['id'] for region in regions}) == 2


def test_tracks_are_read_back():
    boxes = {0: [1, 2, 3, 4], 1: [2, 2, 3, 4], 4: [5, 2, 3, 4]}
    region = track_region(7, 'dog', boxes, (80, 60), 6, 10, score=0.5)
    read = read_track_region(region, (80, 60))
    assert read.keys() == boxes.keys()
    assert all(read[frame] == pytest.approx(box) for frame, box in boxes.items())
    places = region['value']['sequence']
    assert [p['frame'] for p in places] == [1, 2, 5]
    assert [p['enabled'] for p in places] == [True, False, False]
    assert [p['time'] for p in places] == pytest.approx([0.1, 0.2, 0.5])
    assert (region['value']['framesCount'], region['value']['duration']) == (6, 0.6)


@pytest.mark.parametrize('is_video', [True, False])
def test_regions_name_the_parts_of_the_interface(is_video):
    view = ElementTree.fromstring(label_config(NAMES, is_video))
    tags = {element.get('name'): element.tag for element in view}
    if is_video:
        regions = [track_region(1, 'dog', {0: [1, 2, 3, 4]}, (80, 60), 6, 10)]
    else:
        regions = [r for m in (0, 1) for r in image_regions(made_up_image(bool(m)))]
    for region in regions:
        assert tags[region['from_name']].lower() == region['type']
        assert region['to_name'] in tags
    labels = {label.get('value') for label in view.iter('Label')}
    assert labels == set(NAMES)


@pytest.mark.parametrize('is_video', [True, False])
def test_label_studio_accepts_it(is_video):
    interface = pytest.importorskip(
        'label_studio_sdk.label_interface', reason='label-studio-sdk is not installed'
    )
    checked = interface.LabelInterface(label_config(NAMES, is_video))
    checked.validate()
    if is_video:
        regions = [track_region(1, NAMES[0], {0: [1, 2, 3, 4]}, (80, 60), 6, 10, 0.5)]
    else:
        regions = image_regions(made_up_image(True))
    assert checked.validate_prediction(prediction(regions, 'm'))


def test_damaged():
    (region, _) = image_regions(made_up_image(False))
    with pytest.raises(DatasetError, match="is 'brushlabels'; expected"):
        read_image_regions([dict(region, type='brushlabels')])
    with pytest.raises(DatasetError, match='expected rectanglelabels with x'):
        read_image_regions([dict(region, value=dict(x=1))])
    with pytest.raises(DatasetError, match='has no value'):
        read_image_regions([{'type': 'rectanglelabels'}])
    with pytest.raises(DatasetError, match='region videorectangle with a sequence'):
        read_track_region(region, (80, 60))
    track = track_region(1, 'dog', {0: [1, 2, 3, 4]}, (80, 60), 6, 10)
    track['value']['sequence'][0]['x'] = None
    with pytest.raises(DatasetError, match='must have numbers frame, x'):
        read_track_region(track, (80, 60))
