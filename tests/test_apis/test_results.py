"""A result of an image or frame: what it says, how it is drawn and exported."""

from __future__ import annotations

import json
import sys

import cv2
import numpy as np
import pytest

from helpers.made_up_results import BOXES, CATEGORIES, HEIGHT, WIDTH
from helpers.made_up_results import make_result as result
from uninext.apis import AskedPrompt
from uninext.formats.rle import decode_segmentation


def test_nothing_found():
    empty = result(0)
    assert len(empty) == 0
    assert empty.labels == empty.prompt_texts == empty.to_coco(1) == []
    assert np.array_equal(empty.plot(), empty.image)
    assert json.loads(empty.to_json())['instances'] == []
    assert 'nothing found' in repr(empty)


def test_names_and_prompts_of_instances():
    found = result()
    assert found.labels == ['cat', 'dog', 'the cat']
    assert found.prompt_texts == ['dog, cat', 'dog, cat', 'the cat']
    assert found.categories == {'dog': 1, 'cat': 2, 'the cat': 3}
    assert repr(found) == 'Result(image: 1 cat, 1 dog, 1 the cat)'
    assert 'image: 2 dog' in repr(result(2, labels=(0, 0)))
    assert 'frame 3' in repr(result(1, 3, [0]))


def test_same_name_twice_is_one_category():
    found = result()
    found.prompts = (CATEGORIES, AskedPrompt('cat', ('cat',), single=True))
    assert found.categories == {'dog': 1, 'cat': 2}


@pytest.mark.parametrize('with_masks', [True, False])
def test_plot_paints_where_something_is(with_masks):
    found = result(2, with_masks=with_masks)
    before = found.image.copy()
    image = found.plot()
    assert image.shape == found.image.shape
    assert image.dtype == np.uint8
    assert np.array_equal(found.image, before)
    assert (image[54, 20:74] != 50).any(1).all()  # the lower edge of a box
    assert (image[32, 25:70] != 50).any() == with_masks
    assert (image[40:, 2:15] == 50).all()


def test_colours_are_those_of_tracks_in_videos_and_of_names_in_images():
    def color(found):
        return found.plot()[32, 50].tolist()

    assert color(result(2)) == color(result(2, labels=(0, 0)))
    assert color(result(2)) != color(result(2, labels=(0, 1)))
    tracks = result(2, 0, [4, 7]), result(2, 1, [5, 7]), result(2, 2, [7, 8])
    assert color(tracks[0]) == color(tracks[1]) != color(tracks[2])
    result(1, 0, [-1]).plot()  # a tracker that is not sure yet


def test_prompts_stand_above_and_tell_equal_names_apart():
    found = result()
    assert found._captions() == ['cat 0.90', 'dog 0.50', 'the cat 0.25']
    found.prompts = (CATEGORIES, AskedPrompt('cat', ('cat',), single=True))
    assert found._captions()[0] == 'cat (prompt 1) 0.90'
    assert found._captions()[2] == 'cat (prompt 2) 0.25'
    assert result(1, 0, [4])._captions() == ['#4 cat 0.90']
    assert result(1, 0, [-1])._captions() == ['cat 0.90']
    above = found.plot(with_prompts=True)
    assert len(above) > HEIGHT + 2 * 11  # two lines
    assert np.array_equal(above[-HEIGHT:], found.plot())


def test_objects_of_one_name_asked_for_twice_differ_in_colour():
    target = AskedPrompt('target', ('target',), single=True)
    found = result(2, labels=(0, 0))
    found.prompts, found.prompt_ids = (target, target), np.array([0, 1])
    assert found.colors[0] != found.colors[1]


def test_save_writes_the_plot(tmp_path):
    found = result()
    path = found.save(tmp_path / 'new' / 'image.png')
    assert np.array_equal(cv2.imread(str(path)), found.plot())


@pytest.mark.parametrize('name', ['image', 'image.json'])
def test_save_needs_the_suffix_of_an_image(tmp_path, name):
    with pytest.raises(ValueError, match=r'save to a \.jpg or \.png'):
        result().save(tmp_path / name)


def test_save_says_if_it_cannot_write(tmp_path):
    (tmp_path / 'taken.png').mkdir()
    with pytest.raises(ValueError, match='cannot be written'):
        result().save(tmp_path / 'taken.png')


def test_json_has_everything_but_the_image():
    record = json.loads(result(3, 5, [0, 1, 2]).to_json(indent=2))
    assert (record['height'], record['width'], record['frame']) == (HEIGHT, WIDTH, 5)
    assert record['prompts'] == ['dog, cat', 'the cat']
    first = record['instances'][0]
    assert first['box_xyxy'] == list(BOXES[0])
    assert first['score'] == pytest.approx(0.9)
    assert (first['label'], first['prompt'], first['track_id']) == (
        'cat',
        'dog, cat',
        0,
    )
    mask = decode_segmentation(first['mask'], HEIGHT, WIDTH)
    assert np.array_equal(mask, result().masks[0])
    plain = result(1, with_masks=False).to_dict()['instances'][0]
    assert not {'mask', 'track_id'} & set(plain)


def test_coco_is_read_by_pycocotools():
    from pycocotools.coco import COCO

    coco = COCO()
    coco.dataset = dict(
        images=[dict(id=7, height=HEIGHT, width=WIDTH)],
        categories=[dict(id=i, name=n) for n, i in result().categories.items()],
        annotations=[],
    )
    coco.createIndex()
    records = json.loads(json.dumps(result().to_coco(7)))
    read = coco.loadRes(records)
    assert read.getAnnIds(7) == [1, 2, 3]
    assert [r['category_id'] for r in records] == [2, 1, 3]
    assert records[1]['bbox'] == [20, 15, 55, 40]
    assert np.array_equal(read.annToMask(read.anns[2]), result().masks[1])
    assert 'segmentation' not in result(with_masks=False).to_coco(7)[0]


def test_coco_with_own_categories():
    ids = {'dog': 18, 'cat': 17, 'the cat': 17}
    records = result().to_coco(1, ids)
    assert [r['category_id'] for r in records] == [17, 18, 17]
    with pytest.raises(ValueError, match=r"no id for \['the cat'\]"):
        result().to_coco(1, {'dog': 1, 'cat': 2})


def test_supervision_takes_our_arrays():
    pytest.importorskip('supervision', reason='requirements/tests.txt')
    found = result(3, 0, [3, 4, 5])
    given = found.to_supervision()
    assert np.array_equal(given.xyxy, found.boxes_xyxy)
    assert given.class_id.tolist() == [1, 0, 2]
    (dog,) = given[given.class_id == 0]
    box, mask, score, _, track, data = dog
    assert np.array_equal(box, found.boxes_xyxy[1])
    assert np.array_equal(mask, found.masks[1])
    assert (score, track, data['class_name']) == (found.scores[1], 4, 'dog')
    assert given.area.tolist() == found.masks.sum((1, 2)).tolist()


def test_supervision_takes_nothing_found():
    pytest.importorskip('supervision', reason='requirements/tests.txt')
    assert len(result(0).to_supervision()) == 0
    assert len(result(0, 0, [], with_masks=False).to_supervision()) == 0


def test_without_supervision_the_error_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, 'supervision', None)
    with pytest.raises(ImportError, match='pip install supervision'):
        result().to_supervision()


class TestFromDict:
    @pytest.mark.parametrize('num', [0, 3])
    @pytest.mark.parametrize('in_video', [False, True])
    @pytest.mark.parametrize('with_masks', [False, True])
    def test_undoes_to_dict(self, num, in_video, with_masks):
        given = dict(frame=4, tracks=[2, -1, 0][:num]) if in_video else {}
        found = result(num, with_masks=with_masks, **given)
        content = json.loads(found.to_json())
        again = type(found).from_dict(content, found.image, found.prompts)
        for name, value in vars(found).items():
            if isinstance(value, np.ndarray):
                assert getattr(again, name).dtype == value.dtype
                assert np.array_equal(getattr(again, name), value), name
            elif name != 'masks' or num:
                assert getattr(again, name) == value, name
        assert again.to_dict() == content

    def test_what_does_not_fit_is_refused(self):
        found = result()
        content = found.to_dict()
        with pytest.raises(ValueError, match='A mask has the size'):
            type(found).from_dict(content, found.image[1:], found.prompts)
        with pytest.raises(ValueError, match="'cat' is not in|not in tuple"):
            other = AskedPrompt('ox', ('ox',), single=False)
            type(found).from_dict(content, found.image, (other, other))


@pytest.mark.parametrize('kept', [[], [2, 0], [False, True, False]])
@pytest.mark.parametrize('with_masks', [False, True])
def test_only_some_instances(kept, with_masks):
    found = result(3, 4, [5, 6, 7], with_masks)
    some = found.only(np.array(kept, bool if len(kept) == 3 else int))
    wanted = np.flatnonzero(kept) if len(kept) == 3 else kept
    content = found.to_dict()
    instances = [content['instances'][i] for i in wanted]
    assert {**some.to_dict(), 'absent': []} == {
        **content, 'instances': instances, 'absent': []
    }  # fmt: skip
    assert len(found) == 3
