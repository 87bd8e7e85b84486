from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as mask_utils

from uninext.formats.scalabel import (
    BDD_THINGS,
    find_label_files,
    mask_to_rle,
    read_frames,
)


def write(path: Path, content: object) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    return path


def read_one(tmp_path: Path, **label):
    frame = dict(name='a.jpg', labels=[dict(id=7, category='car', **label)])
    return read_frames(write(tmp_path / 'labels.json', [frame]))[0].objects[0]


def poly2d(vertices, types) -> list[dict]:
    return [dict(vertices=vertices, types=types, closed=True)]


@pytest.mark.parametrize(
    'frame', [dict(name='a'), dict(name='a', labels=None), dict(name='a', labels=[])]
)
def test_frames_without_labels(tmp_path: Path, frame):
    assert read_frames(write(tmp_path / 'a.json', [])) == []
    (read,) = read_frames(write(tmp_path / 'a.json', dict(frames=[frame])))
    assert (read.objects, read.video, read.size_wh) == ((), '', None)


def test_boxes_end_after_their_last_pixel(tmp_path: Path):
    box = read_one(tmp_path, box2d=dict(x1=1, y1=2, x2=1, y2=5)).box_xyxy
    assert box == (1, 2, 2, 6)


@pytest.mark.parametrize(
    ('category', 'attributes', 'expected'),
    [
        ('person', None, ('pedestrian', False)),
        ('van', dict(crowd=False), ('car', False)),
        ('car', dict(crowd=True), ('car', True)),
        ('car', dict(ignored=True), ('car', True)),
        ('trailer', {}, ('truck', True)),
        ('other person', {}, ('pedestrian', True)),
        ('lane', {}, ('lane', False)),
    ],
)
def test_categories(tmp_path: Path, category, attributes, expected):
    label = dict(category=category, attributes=attributes)
    frame = dict(name='a', labels=[label])
    (obj,) = read_frames(write(tmp_path / 'a.json', [frame]))[0].objects
    assert (obj.category, obj.ignored) == expected
    assert (obj.box_xyxy, obj.mask, obj.score) == (None, None, None)


def test_straight_polygons_are_kept(tmp_path: Path):
    square = [[0, 0], [4, 0], [4, 4], [0, 4]]
    obj = read_one(tmp_path, poly2d=poly2d(square, 'LLLL') + poly2d([[0, 0]], 'L'))
    assert obj.mask == [[0, 0, 4, 0, 4, 4, 0, 4]]
    assert mask_utils.area(mask_to_rle(obj.mask, (10, 8))) == 16


@pytest.mark.parametrize('types', ['LCCCLL', 'LCCLLL', 'LLLLCC'])
def test_curves_are_bezier_curves(tmp_path: Path, types):
    """Their points have the distance 1 from the middle of a quarter of a circle."""
    kappa = 0.5522847498
    arc = [[1, 0], [1, kappa], [kappa, 1], [0, 1], [-9, 1], [-9, 0]]
    start = types.index('C') - 1
    vertices = arc[-start:] + arc[:-start] if start else arc
    obj = read_one(tmp_path, poly2d=poly2d(vertices, types))
    points = np.reshape(obj.mask[0], (-1, 2))
    on_arc = points[(points >= 0).all(1)]
    assert len(on_arc) >= 9
    assert np.hypot(*on_arc.T) == pytest.approx(np.ones(len(on_arc)), abs=0.01)


def test_rle_must_fit_its_image(tmp_path: Path):
    mask = np.zeros((8, 10), np.uint8, order='F')
    mask[1:3, 4:9] = 1
    rle = mask_utils.encode(mask)
    label = dict(size=rle['size'], counts=rle['counts'].decode())
    obj = read_one(tmp_path, rle=label, score=0.5)
    assert obj.score == 0.5
    np.testing.assert_array_equal(
        mask_utils.decode(mask_to_rle(obj.mask, (10, 8))), mask
    )
    with pytest.raises(ValueError, match='has the size'):
        mask_to_rle(obj.mask, (8, 10))


def test_uncompressed_rle_is_the_same_mask(tmp_path: Path):
    """Counts as a list are runs: background, object, background, ..., by columns."""
    rng = np.random.default_rng(0)
    for height, width in ((2, 2), (7, 5), (30, 41)):
        mask = rng.random((height, width)) < 0.4
        mask[0, 0] = rng.random() < 0.5
        flat = mask.ravel(order='F')
        ends = np.flatnonzero(np.diff(flat)) + 1
        runs = np.diff([0, *ends, flat.size]).tolist()
        label = dict(size=[height, width], counts=[0, *runs] if flat[0] else runs)
        obj = read_one(tmp_path, rle=label)
        rle = mask_to_rle(obj.mask, (width, height))
        np.testing.assert_array_equal(mask_utils.decode(rle), mask)
        json.dumps(obj.mask)  # converters write it


@pytest.mark.parametrize('counts', [[0, 3], [5], '04?', None], ids=str)
def test_damaged_rle_is_told_where_it_is_read(tmp_path: Path, counts):
    with pytest.raises(ValueError, match=r'labels\.json, frame 0'):
        read_one(tmp_path, rle=dict(size=[2, 2], counts=counts))


def test_bitmasks(tmp_path: Path):
    pixels = np.zeros((6, 8, 4), np.uint8)
    pixels[1:3, 2:5] = 3, 8, 1, 2  # a car, truncated, with the id 258
    pixels[4:, 6:] = 1, 2, 0, 9  # a crowd of pedestrians
    pixels[0, 0] = 8, 1, 0, 1  # a bicycle to be ignored
    for name in ('v/v-9.png', 'v/v-10.png', 'w/w-1.png'):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        Image.fromarray(pixels, 'RGBA').save(tmp_path / name)
    assert len(find_label_files(tmp_path)) == 2
    frames = read_frames(tmp_path)
    assert [(f.video, f.index, f.name) for f in frames] == [
        ('v', 0, 'v-9.jpg'),
        ('v', 1, 'v-10.jpg'),
        ('w', 0, 'w-1.jpg'),
    ]
    found = {o.id: o for o in frames[1].objects}
    assert {i: (o.category, o.ignored) for i, o in found.items()} == {
        '258': ('car', False),
        '9': ('pedestrian', True),
        '1': ('bicycle', True),
    }
    assert found['258'].box_xyxy == (2, 1, 5, 3)
    mask = mask_utils.decode(found['258'].mask)
    np.testing.assert_array_equal(mask, pixels[..., 3] == 2)
    assert frames[0].size_wh == (8, 6)
    assert read_frames(tmp_path / 'v', in_videos=False)[0].video == ''
    with pytest.raises(ValueError, match='red channel; there are 2'):
        read_frames(tmp_path, categories=BDD_THINGS[:2])


def test_wrong_files(tmp_path: Path):
    with pytest.raises(ValueError, match='does not exist'):
        read_frames(tmp_path / 'absent')
    with pytest.raises(ValueError, match='neither JSON files nor bitmasks'):
        read_frames(tmp_path)
    (tmp_path / 'a.json').write_text('[')
    with pytest.raises(ValueError, match='not valid JSON'):
        read_frames(tmp_path)
    with pytest.raises(ValueError, match='Scalabel layout'):
        read_frames(write(tmp_path / 'a.json', dict(images=[])))
    with pytest.raises(ValueError, match='frame 0: expected'):
        read_frames(write(tmp_path / 'a.json', [dict(labels=[])]))
    with pytest.raises(ValueError, match='as many types'):
        read_one(tmp_path, poly2d=poly2d([[0, 0], [1, 1]], 'L'))
    with pytest.raises(ValueError, match='not finite'):
        read_one(tmp_path, box2d=dict(x1=float('nan'), y1=0, x2=1, y2=1))


def test_wrong_bitmasks(tmp_path: Path):
    Image.new('RGB', (4, 4)).save(tmp_path / 'a.png')
    with pytest.raises(ValueError, match='has the mode RGB'):
        read_frames(tmp_path)
    (tmp_path / 'a.png').write_text('no image')
    with pytest.raises(ValueError, match='cannot be read'):
        read_frames(tmp_path)
