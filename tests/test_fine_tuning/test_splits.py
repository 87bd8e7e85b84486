from __future__ import annotations

import pytest

from uninext.fine_tuning.splits import (
    keep_scenes,
    kind_of_scenes,
    random_scenes,
    scene_of,
)

IMAGES = {
    'images': [{'id': i, 'file_name': name} for i, name in enumerate('aab')],
    'annotations': [{'id': i, 'image_id': i} for i in range(3)],
    'categories': [{'id': 1, 'name': 'x'}],
}
VIDEOS = {
    'videos': [
        {'id': 4, 'file_names': ['v/0', 'v/1'], 'video': 'v'},
        {'id': 5, 'file_names': ['v/1'], 'video': 'v'},
        {'id': 6, 'file_names': ['w/0']},
    ],
    'annotations': [{'video_id': 4}, {'video_id': 5}, {'video_id': 6}],
    'categories': [],
}


def test_no_scene_keeps_nothing_but_the_categories():
    kept = keep_scenes(IMAGES, set())
    assert kept == {
        'images': [],
        'annotations': [],
        'categories': [{'id': 1, 'name': 'x'}],
    }
    assert random_scenes([], 3) == set()
    assert len(IMAGES['images']) == 3


def test_all_records_of_a_scene_stay_together():
    kept = keep_scenes(IMAGES, {'a'})
    assert [record['id'] for record in kept['images']] == [0, 1]
    assert [annotation['id'] for annotation in kept['annotations']] == [0, 1]
    assert [scene_of(record) for record in VIDEOS['videos']] == ['v', 'v', 'w/0']
    kept = keep_scenes(VIDEOS, {'v'})
    assert [record['id'] for record in kept['videos']] == [4, 5]
    assert [a['video_id'] for a in kept['annotations']] == [4, 5]


def test_the_kind_follows_from_the_lists():
    assert kind_of_scenes(IMAGES) == 'images'
    assert kind_of_scenes(VIDEOS) == 'videos'


@pytest.mark.parametrize('count', [0, 1, 5, 99])
def test_the_lot_is_the_same_in_any_order(count: int):
    names = [f'{i:03d}' for i in range(12)]
    drawn = random_scenes(names, count)
    assert drawn == random_scenes(names[::-1] + names, count)
    assert len(drawn) == min(count, 12)
    assert drawn <= set(names)
