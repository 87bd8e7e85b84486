"""Requests as Label Studio sends them, answered by a finder without a network."""

from __future__ import annotations

import pytest

from helpers.fake_finder import SIDE, FakeFinder
from helpers.labelling import write_clip, write_photos
from uninext.formats.label_studio import (
    box_of,
    label_config,
    read_image_regions,
    read_track_region,
    track_region,
)
from uninext.labelling.backend import Backend
from uninext.labelling.interface import read_interface

NAMES = ['dog', 'cat']
LOCAL = '/data/local-files/?d='


@pytest.fixture
def folder(tmp_path):
    write_photos(tmp_path / 'files', 'a b.jpg')
    write_clip(tmp_path / 'files/clip.mp4', frames=5)
    write_photos(tmp_path / 'media/upload/1', 'c.jpg')
    return tmp_path


@pytest.fixture
def backend(folder):
    return Backend(FakeFinder(), folder / 'files', folder / 'media')


def request(*urls: str, is_video: bool = False, drawn=None, config=None) -> dict:
    key = 'video' if is_video else 'image'
    return dict(
        tasks=[dict(id=i, data={key: url}) for i, url in enumerate(urls)],
        project='1.2',
        label_config=config or label_config(NAMES, is_video),
        params=dict(context=None if drawn is None else dict(result=drawn)),
    )


def test_nothing(backend):
    assert backend.predict(request()) == dict(results=[])
    with pytest.raises(ValueError, match='needs a list of tasks'):
        backend.predict({})
    with pytest.raises(ValueError, match='is no XML'):
        backend.setup({})


def test_setup(backend):
    answer = backend.setup(dict(schema=label_config(NAMES)))
    assert answer['model_version'].startswith('uninext ')


def test_objects_of_images(backend):
    results = backend.predict(request(f'{LOCAL}a%20b.jpg', '/data/upload/1/c.jpg'))
    for one in results['results']:
        image = read_image_regions(one['result'])
        assert [i.label for i in image.instances] == NAMES
        boxes = [i.box_xywh for i in image.instances]
        assert boxes[0] == pytest.approx([0, 0, SIDE, SIDE], abs=1)
        assert boxes[1] == pytest.approx([SIDE, 0, SIDE, SIDE], abs=1)
        assert one['score'] == pytest.approx(0.8)


def test_the_names_of_the_interface(backend):
    config = (
        '<View><Image name="photo" value="$image"/><RectangleLabels name="r" '
        'toName="photo"><Label value="dog"/></RectangleLabels></View>'
    )
    (one,) = backend.predict(request(f'{LOCAL}a b.jpg', config=config))['results']
    (region,) = one['result']
    assert region['type'] == 'rectanglelabels'  # there is no place for polygons
    assert (region['from_name'], region['to_name']) == ('r', 'photo')


def test_a_box_becomes_a_polygon(backend):
    value = dict(x=25, y=50, width=50, height=25, rectanglelabels=['cat'])
    drawn = [dict(type='rectanglelabels', value=value)]
    asked = request(f'{LOCAL}a b.jpg', drawn=drawn)
    (region,) = backend.predict(asked)['results'][0]['result']
    assert region['type'] == 'polygonlabels'
    assert region['value']['polygonlabels'] == ['cat']
    (one,) = read_image_regions([region]).instances
    assert one.box_xywh == pytest.approx(box_of(value, (80, 60)), abs=1)


def test_tracks_through_a_video(backend):
    asked = request(f'{LOCAL}clip.mp4', is_video=True)
    regions = backend.predict(asked)['results'][0]['result']
    assert [region['value']['labels'] for region in regions] == [['dog'], ['cat']]
    for region in regions:
        assert read_track_region(region, (80, 60)).keys() == set(range(5))
        assert region['value']['duration'] == 0.5


@pytest.mark.parametrize('start', [0, 2, 4])
def test_a_box_on_one_frame_is_tracked_on_the_others(backend, start):
    drawn = track_region('x', 'cat', {start: [8, 6, 20, 30]}, (80, 60), 5, 10)
    asked = request(f'{LOCAL}clip.mp4', is_video=True, drawn=[drawn])
    (region,) = backend.predict(asked)['results'][0]['result']
    assert region['id'] == drawn['id']
    assert region['value']['labels'] == ['cat']
    found = read_track_region(region, (80, 60))
    assert found.keys() == set(range(5))
    assert all(box == pytest.approx([8, 6, 20, 30]) for box in found.values())
    tracked = backend.find.tracked
    assert len(tracked) == (2 if start else 1)  # forwards, backwards


def test_boxes_on_further_frames_are_corrections(backend, monkeypatch):
    corrected = []
    drawn = {1: [8, 6, 20, 30], 3: [9, 6, 20, 30]}
    track = backend.find.track

    def spied(**asked):
        tracking = track(**asked)
        tracking.correct = lambda track_id, box: corrected.append((track_id, box))
        return tracking

    monkeypatch.setattr(backend.find, 'track', spied)
    region = track_region('x', 'cat', drawn, (80, 60), 5, 10)
    asked = request(f'{LOCAL}clip.mp4', is_video=True, drawn=[region])
    (region,) = backend.predict(asked)['results'][0]['result']
    assert corrected == [(0, pytest.approx([9, 6, 29, 36]))]
    assert read_track_region(region, (80, 60))[3] == pytest.approx(drawn[3])


@pytest.mark.parametrize(
    'url',
    [
        f'{LOCAL}nowhere.jpg',
        f'{LOCAL}../secret.jpg',
        f'{LOCAL}clip.mp4',  # no image
        '/data/upload/../../secret.jpg',
        'https://elsewhere/a.jpg',
        '',
    ],
)
def test_what_cannot_be_used_is_told(backend, folder, url, capsys):
    write_photos(folder, 'secret.jpg')
    results = backend.predict(request(url, f'{LOCAL}a b.jpg'))['results']
    assert [len(one['result']) for one in results] == [0, 2]
    assert 'warning: task 0: ' in capsys.readouterr().err


@pytest.mark.parametrize(
    ('config', 'message'),
    [
        ('<View/>', 'shows no image or video'),
        ('<View><Image name="a"/></View>', 'has no place for objects'),
        ('<View><Video name="a"/><Label value="b"/></View>', 'has no place'),
    ],
)
def test_interfaces_that_cannot_be_used(config, message):
    with pytest.raises(ValueError, match=message):
        read_interface(config)


def test_the_server(backend):
    pytest.importorskip('starlette', reason='requirements/web.txt is not installed')
    pytest.importorskip('httpx', reason='requirements/web.txt is not installed')
    from starlette.testclient import TestClient

    from uninext.labelling.server import MAX_BYTES, build_app

    client = TestClient(build_app(backend))
    assert client.get('/health').json()['status'] == 'UP'
    answer = client.post('/predict', json=request(f'{LOCAL}a b.jpg'))
    assert len(answer.json()['results']) == 1
    config = dict(schema=label_config(NAMES))
    assert 'model_version' in client.post('/setup', json=config).json()
    assert client.post('/webhook', json=dict(action='A')).status_code == 200
    for path, body, message in (
        ('/predict', b'{', 'is no JSON'),
        ('/predict', b'[]', 'must be a JSON object'),
        ('/setup', b'', 'is no XML'),
        ('/webhook', b'{"action": "START_TRAINING"}', 'uninext train'),
        ('/predict', b' ' * (MAX_BYTES + 1), 'bytes at most'),
    ):
        answer = client.post(path, content=body)
        assert answer.status_code == 400
        assert message in answer.json()['error']
