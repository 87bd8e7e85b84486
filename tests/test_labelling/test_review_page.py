"""The page: whole HTML, the least sure first, boxes where they are."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import cv2
import numpy as np
import pytest

from helpers.labelling import ASKED, MadeUpFinder, write_clip, write_photos
from uninext.formats.predicted import PredictedInstance
from uninext.labelling import Bands, label
from uninext.labelling.page import LONG_SIDE, Card, page_of, write_thumbnail


class Tags(HTMLParser):
    """Checks that tags are closed, and gathers them."""

    ALONE = ('meta', 'img', '!doctype')

    def __init__(self, text: str) -> None:
        super().__init__()
        self.opened: list[str] = []
        self.found: list[tuple[str, dict]] = []
        self.feed(text)
        assert not self.opened

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))
        if tag not in self.ALONE:
            self.opened.append(tag)

    def handle_endtag(self, tag):
        assert self.opened.pop() == tag

    def of(self, tag: str) -> list[dict]:
        return [attributes for name, attributes in self.found if name == tag]


def card(title: str, score: float, band: str) -> Card:
    box = PredictedInstance('a & b', [1, 2, 3, 4], score, band=band)
    return Card(title, f'../{title}', 't.jpg', (80, 60), band, [box])


def test_nothing():
    tags = Tags(page_of([], 0.5, 0.3))
    assert tags.of('img') == []
    assert len(tags.of('details')) == 2


def test_the_least_sure_first():
    cards = [
        card('b', 0.4, 'review'),
        card('d', 0.9, 'accept'),
        card('<a>', 0.31, 'review'),
        card('c', 0.6, 'accept'),
    ]
    text = page_of(cards, 0.5, 0.3)
    tags = Tags(text)
    assert [img['alt'] for img in tags.of('img')] == ['<a>', 'b', 'c', 'd']
    assert [b['class'] for b in tags.of('b')].count('review') == 3
    assert 'a &amp; b 0.31' in text
    rect = tags.of('rect')[0]
    assert [float(rect[key]) for key in ('x', 'y', 'width', 'height')] == [1, 2, 3, 4]
    assert rect['class'] == 'review'
    assert 'http' not in text.replace('http-equiv', '')  # nothing is fetched


@pytest.mark.parametrize('shape', [(60, 80, 3), (900, 300, 3), (1, 2000, 3)])
def test_thumbnails(tmp_path, shape):
    write_thumbnail(np.zeros(shape, np.uint8), tmp_path / 'a/b.jpg')
    height, width = cv2.imread(str(tmp_path / 'a/b.jpg')).shape[:2]
    assert max(height, width) == min(LONG_SIDE, max(shape))


def test_the_page_of_a_run(tmp_path):
    photos = write_photos(tmp_path / 'photos', "a 'b' #1.jpg", 'sure.jpg')
    clip = write_clip(tmp_path / 'clip.mp4')
    bands = Bands(0.8, 0.4)
    done = label(MadeUpFinder(), [photos, clip], tmp_path / 'out', **ASKED, bands=bands)
    text = (done.out / 'review.html').read_text()
    tags = Tags(text)
    for image in tags.of('img'):
        assert (done.out / image['src']).is_file()
    titles = [image['alt'] for image in tags.of('img')]
    assert titles[0] == 'clip, frame 2'  # where its second track begins
    assert sorted(titles) == [
        'clip, frame 0',
        'clip, frame 2',
        "photos/a 'b' #1.jpg",
        'photos/sure.jpg',
    ]
    assert re.findall(r'<b class="(\w+)">\w+</b> \d thumb', text) == [
        'review',
        'accept',
    ]
