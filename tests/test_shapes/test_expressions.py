"""Expressions about images and videos, evaluated by a reader of its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from helpers.generated import Seen, meant, named
from uninext.shapes import (
    Expression,
    Facts,
    LabelledVideo,
    Track,
    VideoScene,
    describe,
    draw_video,
    generate_video,
)
from uninext.shapes.expressions import (
    CLEAR_IN_IMAGES,
    MOTIONS,
    describe_by_attributes,
)
from uninext.shapes.motion import Path as Way

SIZE_WH, LENGTH = (96, 72), 16
CAMERA = 0.03 * 72  # pixels: what a trembling camera and a box may add to a way


def facts_of(*objects: tuple[dict, list]) -> Facts:
    """Objects that stay plain red small stars unless told; centres in percent."""
    plain = dict(category='star', color='red', size='small', texture='plain')
    ways = [np.array(centers, float) for _, centers in objects]
    return Facts(
        size=100,
        words=tuple({**plain, **words} for words, _ in objects),
        centers=np.stack(ways),
        paths=tuple(
            Way(way, np.full(len(way), 8.0), np.zeros(len(way)), 'small')
            for way in ways
        ),
    )


def texts(facts: Facts, index: int, many: int = 30) -> dict[str, str]:
    found = describe(facts, index, np.random.default_rng(0), many, many)
    assert len({s.text for s in found}) == len(found)
    return {expression.text: expression.kind for expression in found}


@pytest.mark.parametrize('length', [1, 4], ids=['image', 'video'])
def test_only_what_can_be_told_from_others_is_described(length: int):
    still = [(50, 50)] * length
    assert texts(facts_of(({}, still)), 0, 1)['the star'] == 'attribute'
    assert texts(facts_of(({}, still), ({}, still)), 0) == {}
    near = [(53, 50)] * length  # a difference of place must be clear
    assert texts(facts_of(({}, still), ({}, near)), 0) == {}


def test_twins_of_an_image_are_told_by_place_but_not_by_motion():
    ring = dict(category='ring')
    facts = facts_of(({}, [(10, 50)]), ({}, [(80, 50)]), (ring, [(45, 50)]))
    facts = replace(facts, paths=(), margin=CLEAR_IN_IMAGES)
    found = texts(facts, 0)
    assert found['the leftmost star'] == 'superlative'
    assert found['the star left of the ring'] == 'relation'
    assert not any('right' in text or 'that' in text for text in found)


def test_attributes_alone_are_said_of_what_looks_like_nothing_else():
    ring = dict(category='ring', size='large')
    still = [(50, 50)]
    facts = facts_of((ring, still), (ring, still), ({}, still))
    rng = np.random.default_rng(0)
    assert describe_by_attributes(facts, 0, rng) == []
    assert sorted(describe_by_attributes(facts, 2, rng)) == [
        'the red star',
        'the small red star',
        'the small star',
    ]
    assert len(describe_by_attributes(facts, 2, rng, max_expressions=2)) == 2


def test_twins_are_told_by_motion():
    facts = facts_of(
        ({}, [(30, 80), (30, 60), (30, 40)]), ({}, [(70, 60), (70, 60), (70, 60)])
    )
    assert texts(facts, 0)['the star that moves up'] == 'motion'
    assert texts(facts, 1)['the star that stands still'] == 'motion'
    assert 'the leftmost star' in texts(facts, 0)
    assert not any('topmost' in text for text in texts(facts, 0))  # not in every frame


def test_a_rival_that_nearly_moves_so_forbids_the_word():
    facts = facts_of(
        ({}, [(30, 80), (30, 60), (30, 40)]),
        ({}, [(70, 60), (70, 50), (70, 60)]),  # up and down again
    )
    assert not any('moves up' in text for text in texts(facts, 0))


def test_a_relation_must_hold_wherever_one_is_seen():
    gone = (np.nan, np.nan)
    ring = dict(category='ring')
    stars = [({}, [(20, 50)] * 3), ({}, [(80, 50)] * 3)]
    assert 'the star left of the ring' in texts(
        facts_of(*stars, (ring, [(50, 50)] * 3)), 0
    )
    assert not any(
        'left of' in text
        for text in texts(facts_of(*stars, (ring, [(50, 50), gone, (50, 50)])), 0)
    )
    away = [(80, 50), gone, (80, 50)]  # the rival may be away
    assert 'the leftmost star' in texts(facts_of(stars[0], ({}, away)), 0)
    assert 'the rightmost star' not in texts(facts_of(stars[0], ({}, away)), 1)


def test_objects_that_change_their_size_may_be_meant_by_either_word():
    still = [(50, 50)] * 3
    facts = facts_of(
        ({}, still), ({'size': 'large'}, still), ({'size': 'changing'}, still)
    )
    for index in range(3):
        assert not any('small' in t or 'large' in t for t in texts(facts, index))


class Reader:
    """Knows words, boxes and where things really went; nothing of the generator."""

    def __init__(self, video: LabelledVideo, scene: VideoScene) -> None:
        self.video = video
        self.paths = {t.id: scene.objects[t.id - 1].path for t in video.tracks}

    def seen(self, frame: int) -> list[Seen]:
        return [
            Seen(t.id, set(t.words.values()), t.boxes_xywh[frame])
            for t in self.video.tracks
        ]

    def does(self, phrase: str, number: int) -> bool:
        path = self.paths[number]
        way = path.centers[-1] - path.centers[0]
        growth = path.radii[-1] / path.radii[0]
        far = np.linalg.norm(path.centers - path.centers[0], axis=1).max()
        return {
            'moves left': way[0] < -3 * CAMERA and abs(way[0]) > abs(way[1]),
            'moves right': way[0] > 3 * CAMERA and abs(way[0]) > abs(way[1]),
            'moves up': way[1] < -3 * CAMERA and abs(way[1]) > abs(way[0]),
            'moves down': way[1] > 3 * CAMERA and abs(way[1]) > abs(way[0]),
            'stands still': far < 2 * CAMERA,
            'turns around itself': abs(path.angles[-1] - path.angles[0]) > 0.5,
            'becomes larger': growth > 1.3,
            'becomes smaller': growth < 1 / 1.3,
        }[phrase]


@pytest.fixture(scope='module')
def world(tmp_path_factory: pytest.TempPathFactory) -> list[Reader]:
    folder: Path = tmp_path_factory.mktemp('videos')
    readers = []
    for seed in range(30):
        options = (SIZE_WH, LENGTH, (4, 7))
        video = generate_video(
            np.random.default_rng(seed), folder / str(seed), *options
        )
        scene = draw_video(np.random.default_rng(seed), *options)
        readers.append(Reader(video, scene))
    return readers


def said_in(world: list[Reader]) -> Iterator[tuple[Reader, Track, Expression]]:
    for reader in world:
        for track in reader.video.tracks:
            for expression in track.expressions:
                yield reader, track, expression


def test_an_expression_is_true_of_its_object_alone_in_every_frame(world: list[Reader]):
    kinds: Counter[str] = Counter()
    for reader, track, expression in said_in(world):
        kinds[expression.kind] += 1
        for frame in range(LENGTH if expression.kind != 'motion' else 0):
            right = [track.id] if track.visible[frame] else []
            assert meant(expression.text, reader.seen(frame)) == right, expression
    assert min(kinds[k] for k in ('attribute', 'relation', 'superlative')) >= 15
    assert kinds['motion'] >= 30


def test_a_motion_is_that_of_one_object_alone(world: list[Reader]):
    said: Counter[str] = Counter()
    for reader, track, expression in said_in(world):
        if expression.kind != 'motion':
            continue
        noun, phrase = expression.text.removeprefix('the ').split(' that ')
        rivals = [obj.id for obj in named(noun, reader.seen(0))]
        assert len(rivals) > 1, f'{expression} does not need its motion'
        assert [n for n in rivals if reader.does(phrase, n)] == [track.id], expression
        said[phrase] += 1
    assert set(said) <= set(MOTIONS)
    assert len(said) >= 6


def test_boxes_move_as_the_words_say(world: list[Reader]):
    signs = {'left': (0, -1), 'right': (0, 1), 'up': (1, -1), 'down': (1, 1)}
    checked = 0
    for _, track, expression in said_in(world):
        whole = np.flatnonzero(track.visibility > 0.98)
        *_, verb, way = expression.text.split()
        if verb != 'moves' or len(whole) < LENGTH // 2:
            continue
        axis, sign = signs[way]
        boxes = (track.boxes_xywh[i] for i in whole[[0, -1]])
        first, last = (box[axis] + box[axis + 2] / 2 for box in boxes)
        assert sign * (last - first) > 0
        checked += 1
    assert checked >= 5


def test_distractors_make_the_words_necessary(world: list[Reader]):
    needed = 0
    for reader in world:
        for track in reader.video.tracks:
            kinds = [t.words['category'] for t in reader.video.tracks]
            if kinds.count(track.words['category']) > 1:
                texts_of = {s.text for s in track.expressions}
                assert f'the {track.words["category"]}' not in texts_of
                needed += bool(texts_of)
    assert needed >= 60
