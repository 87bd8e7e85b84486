from __future__ import annotations

import json
import sys

import cv2
import numpy as np
import pytest

from uninext.apis import AskedPrompt, Result, to_mot_lines, to_youtube_vis
from uninext.formats.rle import decode_segmentation

HEIGHT, WIDTH = 120, 160
NAMES = AskedPrompt('dog, cat', ('dog', 'cat'), single=False)
EXPRESSION = AskedPrompt('the cat', ('the cat',), single=True)
BOXES = ((2, 4, 12, 10), (40, 30, 150, 110), (0, 0, 160, 120))


def result(num=3, frame=None, tracks=None, with_masks=True, labels=(1, 0, 0)):
    boxes = np.array(BOXES[:num], np.float32).reshape(-1, 4)
    masks = np.zeros((num, HEIGHT, WIDTH), bool)
    for mask, (x1, y1, x2, y2) in zip(masks, BOXES):
        mask[y1:y2, x1:x2] = True
    return Result(
        image=np.full((HEIGHT, WIDTH, 3), 50, np.uint8),
        prompts=(NAMES, EXPRESSION),
        boxes_xyxy=boxes,
        scores=np.array([0.9, 0.5, 0.25], np.float32)[:num],
        label_ids=np.array(labels[:num], np.int64),
        prompt_ids=np.array([0, 0, 1], np.int64)[:num],
        track_ids=None if tracks is None else np.array(tracks, np.int64),
        masks=masks if with_masks else None,
        frame=frame,
    )


def test_nothing_found(tmp_path):
    empty = result(0)
    assert len(empty) == 0
    assert empty.labels == empty.prompt_texts == empty.to_coco(1) == []
    assert np.array_equal(empty.plot(), empty.image)
    assert json.loads(empty.to_json())['instances'] == []
    assert 'nothing found' in repr(empty)
    assert to_mot_lines([]) == to_youtube_vis([]) == []
    frames = [result(0, frame, []) for frame in range(2)]
    assert to_mot_lines(frames) == to_youtube_vis(frames) == []


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
    found.prompts = (NAMES, AskedPrompt('cat', ('cat',), single=True))
    assert found.categories == {'dog': 1, 'cat': 2}


@pytest.mark.parametrize('with_masks', [True, False])
def test_plot_paints_where_something_is(with_masks):
    found = result(2, with_masks=with_masks)
    before = found.image.copy()
    image = found.plot()
    assert image.shape == found.image.shape
    assert image.dtype == np.uint8
    assert np.array_equal(found.image, before)
    assert (image[109, 40:149] != 50).any(1).all()  # the lower edge of a box
    assert (image[90, 50:140] != 50).any() == with_masks
    assert (image[80:, 2:30] == 50).all()


def test_colours_are_those_of_tracks_in_videos_and_of_names_in_images():
    def color(found):
        return found.plot()[90, 100].tolist()

    assert color(result(2)) == color(result(2, labels=(0, 0)))
    assert color(result(2)) != color(result(2, labels=(0, 1)))
    tracks = result(2, 0, [4, 7]), result(2, 1, [5, 7]), result(2, 2, [7, 8])
    assert color(tracks[0]) == color(tracks[1]) != color(tracks[2])
    result(1, 0, [-1]).plot()  # a tracker that is not sure yet


def test_prompts_stand_above_and_tell_equal_names_apart():
    found = result()
    assert found._captions() == ['cat 0.90', 'dog 0.50', 'the cat 0.25']
    found.prompts = (NAMES, AskedPrompt('cat', ('cat',), single=True))
    assert found._captions()[0] == 'cat (prompt 1) 0.90'
    assert found._captions()[2] == 'cat (prompt 2) 0.25'
    assert result(1, 0, [4])._captions() == ['#4 cat 0.90']
    assert result(1, 0, [-1])._captions() == ['cat 0.90']
    above = found.plot(with_prompts=True)
    assert len(above) > HEIGHT + 2 * 11  # two lines
    assert np.array_equal(above[-HEIGHT:], found.plot())


def test_things_of_one_name_asked_for_twice_differ_in_colour():
    target = AskedPrompt('target', ('target',), single=True)

    def color(prompt_id):
        found = result(2, labels=(0, 0))
        found.prompts, found.prompt_ids = (target, target), np.array([0, prompt_id])
        return found.plot()[90, 100].tolist()

    assert color(0) != color(1)


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
    assert records[1]['bbox'] == [40, 30, 110, 80]
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


def video():
    """Track 0 is a cat twice, then a dog; track 1 comes late; one has no track."""
    return [
        result(2, 0, [0, -1]),
        result(0, 1, []),
        result(2, 2, [0, 1]),
        result(1, 3, [0], labels=(0,)),
    ]


def test_mot_lines():
    assert to_mot_lines(video()) == [
        '1,1,2.00,4.00,10.00,6.00,0.9000,-1,-1,-1',
        '3,1,2.00,4.00,10.00,6.00,0.9000,-1,-1,-1',
        '3,2,40.00,30.00,110.00,80.00,0.5000,-1,-1,-1',
        '4,1,2.00,4.00,10.00,6.00,0.9000,-1,-1,-1',
    ]


def test_mot_lines_are_read_by_our_evaluation(tmp_path):
    from uninext.formats.mot_text import read_mot

    path = tmp_path / 'video.txt'
    path.write_text('\n'.join(to_mot_lines(video())))
    assert read_mot(path).rows[:, :2].tolist() == [[1, 1], [3, 1], [3, 2], [4, 1]]


def test_youtube_vis():
    records = json.loads(json.dumps(to_youtube_vis(video(), video_id=9)))
    assert [r['video_id'] for r in records] == [9, 9]
    assert [r['category_id'] for r in records] == [2, 1]
    assert records[0]['score'] == pytest.approx(0.9)
    present = [box is not None for box in records[0]['bboxes']]
    assert present == [True, False, True, True]
    assert records[1]['bboxes'] == [None, None, [40, 30, 110, 80], None]
    mask = decode_segmentation(records[1]['segmentations'][2], HEIGHT, WIDTH)
    assert np.array_equal(mask, result().masks[1])
    assert to_youtube_vis(video(), 9, {'dog': 5, 'cat': 6, 'the cat': 7})[0][
        'category_id'
    ] == 6  # fmt: skip


def test_youtube_vis_of_boxes():
    (record,) = to_youtube_vis([result(1, 0, [3], with_masks=False)])
    assert 'segmentations' not in record


@pytest.mark.parametrize('export', [to_mot_lines, to_youtube_vis])
def test_images_have_no_tracks(export):
    with pytest.raises(ValueError, match='single images'):
        export([result()])
