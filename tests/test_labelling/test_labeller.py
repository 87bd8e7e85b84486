"""A run, killed wherever it may be, goes on and writes what it would have written."""

from __future__ import annotations

import itertools
import json
import shutil

import numpy as np
import pytest

from helpers.labelling import (
    ASKED,
    MadeUpFinder,
    contents_of,
    write_clip,
    write_photos,
)
from uninext.labelling import LAYOUTS, Bands, label
from uninext.labelling.journal import NAME
from uninext.utils.files import FileError


@pytest.fixture
def photos(tmp_path):
    return write_photos(tmp_path / 'photos', 'a.jpg', 'sure.jpg', 'empty.jpg')


def run(find, sources, out, to='coco', **given):
    given.setdefault('bands', Bands(0.6, 0.2))
    return label(find, sources, out, to, **ASKED, **given)


def journal_of(out) -> list[dict]:
    return [json.loads(line) for line in (out / NAME).read_text().splitlines()]


def test_nothing_is_found(tmp_path):
    write_photos(tmp_path, 'empty.jpg')
    done = run(MadeUpFinder(), tmp_path, tmp_path / 'out')
    assert done.units == {'accept': 1}
    assert list(done.written) == ['accept']
    content = json.loads((tmp_path / 'out/coco/accept/labels.json').read_text())
    assert content['annotations'] == []
    assert [c['name'] for c in content['categories']] == ['dog', 'cat', 'the cat']


def test_a_band_is_that_of_the_least_sure(photos, tmp_path):
    done = run(MadeUpFinder(), photos, tmp_path / 'out')
    assert done.units == {'accept': 2, 'review': 1}
    assert done.found['accept'] == {'cat': 1}
    assert done.found['review'] == {'cat': 1, 'dog': 1, 'the cat': 1}
    assert (done.num_predicted, done.num_left) == (3, 0)
    content = json.loads((tmp_path / 'out/coco/review/labels.json').read_text())
    assert [image['file_name'] for image in content['images']] == ['a.jpg']
    assert [a['band'] for a in content['annotations']] == ['accept', 'review', 'review']
    assert done.root == photos


def test_other_thresholds_and_layouts_need_no_network(photos, tmp_path):
    find = MadeUpFinder()
    run(find, photos, tmp_path / 'out')
    done = run(find, photos, tmp_path / 'out', 'yolo', bands=Bands(0.5, 0.4))
    assert done.units == {'accept': 3}
    assert done.found['accept'] == {'cat': 2, 'dog': 1}
    assert sorted(find.seen) == ['a.jpg', 'empty.jpg', 'sure.jpg']
    again = run(find, photos, tmp_path / 'out', 'yolo')
    assert again.units == {'accept': 2, 'review': 1}
    accepted = contents_of(tmp_path / 'out/yolo/accept')
    assert 'labels/a.txt' not in accepted  # it has gone to review
    assert 'images/sure.jpg' in accepted


def test_killed_at_any_moment(photos, tmp_path):
    """A kill leaves the beginning of the journal, whole lines or not."""
    clip = write_clip(tmp_path / 'clip.mp4')
    out, sources = tmp_path / 'out', [photos, clip]
    run(MadeUpFinder(), sources, out, 'labelme')
    expected, journal = contents_of(out), (out / NAME).read_bytes()
    assert len(expected) > 15
    for end in {0, 9, *range(200, len(journal), 1500), len(journal) - 1, len(journal)}:
        shutil.rmtree(out / 'labelme')
        (out / 'review.html').unlink()
        (out / NAME).write_bytes(journal[:end])
        find = MadeUpFinder()
        done = run(find, sources, out, 'labelme')
        assert contents_of(out) == expected
        paths = [record['path'] for record in journal_of(out)[1:]]
        assert len(set(paths)) == len(paths) == 4
        num_kept = max(0, journal[:end].count(b'\n') - 1)
        assert len(find.seen) == done.num_predicted == 4 - num_kept


class Countdown:
    """Says stop when it is asked for the ``number``-th time."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __call__(self) -> bool:
        self.number -= 1
        return self.number <= 0


def test_stopped(photos, tmp_path):
    """After each image; within a video, which then begins anew."""
    clip = write_clip(tmp_path / 'clip.mp4')
    find, out = MadeUpFinder(), tmp_path / 'out'
    left = [
        run(find, [photos, clip], out, stopped=Countdown(2)).num_left for _ in range(5)
    ]
    assert left == [3, 2, 1, 1, 1]
    assert find.seen == ['a.jpg', 'empty.jpg', 'sure.jpg', 'clip.mp4', 'clip.mp4']
    done = run(find, [photos, clip], out)
    assert (done.num_predicted, done.num_left) == (1, 0)
    assert len(journal_of(out)) == 5


def test_an_error_keeps_what_was_predicted(photos, tmp_path):
    find = MadeUpFinder()

    def breaks(*given, **more):
        yield from itertools.islice(find(*given, **more), 1)
        raise FileError('no room')

    with pytest.raises(FileError, match='no room'):
        run(breaks, photos, tmp_path / 'out')
    assert json.loads((tmp_path / 'out/coco/review/labels.json').read_text())['images']
    assert run(find, photos, tmp_path / 'out').num_predicted == 2


def test_what_is_damaged_is_tried_again(photos, tmp_path):
    write_photos(photos, 'damaged.jpg')
    for _ in range(2):
        with pytest.warns(UserWarning, match='damaged.jpg'):
            done = run(MadeUpFinder(), photos, tmp_path / 'out')
        assert done.num_left == 1


def test_corrections_are_not_written_over(photos, tmp_path):
    find, out = MadeUpFinder(), tmp_path / 'out'
    run(find, photos, out, 'labelme')
    path = out / 'labelme/review/a.json'
    path.write_text(path.read_text().replace('dog', 'fox'))
    with pytest.raises(ValueError, match='a.json was changed after it was written'):
        run(find, photos, out, 'labelme', bands=Bands(0.9, 0.8))
    assert 'fox' in path.read_text()
    assert run(find, photos, out, 'coco').units  # of another layout


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (dict(model='other'), "was labelled with model ''"),
        (dict(exclude=['fox']), "was labelled with exclude None, and now .'fox'"),
        (dict(bands=Bands(0.6, 0.1)), 'was labelled with --review 0.2'),
    ],
)
def test_what_is_asked_for_must_be_the_same(photos, tmp_path, change, message):
    run(MadeUpFinder(), photos, tmp_path / 'out')
    with pytest.raises(ValueError, match=message):
        run(MadeUpFinder(), photos, tmp_path / 'out', **change)


def test_two_processes(photos, tmp_path):
    def inner(*given, **more):
        with pytest.raises(ValueError, match='Another process writes labels'):
            run(MadeUpFinder(), photos, tmp_path / 'out')
        yield from MadeUpFinder()(*given, **more)

    assert run(inner, photos, tmp_path / 'out').num_predicted == 3


def test_layouts_of_videos_take_no_images(photos, tmp_path):
    with pytest.raises(ValueError, match='mot holds tracks through videos'):
        run(MadeUpFinder(), photos, tmp_path / 'out', 'mot')
    with pytest.raises(ValueError, match="no layout 'voc'; choose from coco"):
        run(MadeUpFinder(), photos, tmp_path / 'out', 'voc')


@pytest.mark.parametrize('given', [(0.3, 0.5), (1.1, 0.5), (0.5, -0.1), (np.nan, 0)])
def test_thresholds(given):
    with pytest.raises(ValueError, match='0..1|must not be above'):
        Bands(*given)


@pytest.mark.parametrize(
    ('stored', 'kinds', 'expected'),
    [
        ({}, [], (0.5, 0.3)),
        ({}, ['category', 'expression'], (0.5, 0.3)),
        (dict(expression=0.58), ['category'], (0.5, 0.3)),
        (dict(category=0.02), ['category'], (0.3, 0.02)),
        (dict(category=0.02), ['category', 'expression'], (0.5, 0.3)),
        (dict(category=1.0), ['category'], (1.0, 1.0)),
    ],
)
def test_bands_of_a_model(stored, kinds, expected):
    bands = Bands.of_model(stored, kinds)
    assert (bands.accept, bands.review) == pytest.approx(expected)
    assert Bands.of_model(stored, kinds, 0.9, 0.1) == Bands(0.9, 0.1)


def test_bands_of_the_finder(photos, tmp_path):
    find = MadeUpFinder()
    find.thresholds = dict(category=0.44, expression=0.2)
    done = run(find, photos, tmp_path / 'out', bands=None)  # a cat 0.9, a dog 0.5
    assert done.found == {'accept': {'cat': 1}, 'review': {'cat': 1, 'dog': 1}}


@pytest.mark.parametrize('to', LAYOUTS)
def test_videos_of_one_name(tmp_path, to):
    """Every layout has both, and boxes alone where masks are not wanted."""
    clips = [write_clip(tmp_path / name / 'clip.mp4') for name in 'ab']
    done = run(MadeUpFinder(), clips, tmp_path / 'out', to, boxes_only=True)
    assert done.units['review'] + done.units['accept'] == 2
    files = contents_of(tmp_path / 'out' / to)
    text = b''.join(files.values()).decode(errors='ignore') + ''.join(files)
    assert 'clip-2' in text or 'b/clip.mp4' in text
    assert 'segmentation' not in text and 'polygon points' not in text
