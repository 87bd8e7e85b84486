from __future__ import annotations

import numpy as np
import pytest
import torch

from uninext.models.trackers.inputs import checked_frame, prompts_of
from uninext.structures import Prompt, Target


def given(**kwargs):
    empty = dict(prompt=None, categories=None, expression=None, box=None, mask=None)
    return prompts_of(**{**empty, **kwargs})


def test_nothing_is_given():
    with pytest.raises(ValueError, match='got 0'):
        given()


@pytest.mark.parametrize(
    'several',
    [
        dict(categories=['dog'], expression='a dog'),
        dict(prompt='a dog', box=[1, 2, 3, 4]),
        dict(box=[1, 2, 3, 4], mask=np.ones((4, 4), bool)),
    ],
)
def test_several_things_are_given(several):
    with pytest.raises(ValueError, match='got 2'):
        given(**several)


@pytest.mark.parametrize(
    'empty',
    [
        dict(categories=[]),
        dict(categories=['dog', ' ']),
        dict(expression=''),
        dict(expression='?!'),
        dict(prompt=''),
        dict(prompt=[]),
        dict(box=[]),
        dict(box=np.zeros((0, 4))),
        dict(mask=np.zeros((4, 4), bool)),
        dict(mask=np.zeros((0, 4), bool)),
        dict(mask=np.stack([np.ones((4, 4)), np.zeros((4, 4))])),
    ],
    ids=repr,
)
def test_something_empty_is_given(empty):
    with pytest.raises(ValueError, match=r'empty|box must be|mask must be'):
        given(**empty)


@pytest.mark.parametrize(
    ('wrong', 'message'),
    [
        (dict(categories={'dog', 'cat'}), 'got set'),
        (dict(categories=7), "must be a text, 'person, car', .* got int: 7"),
        (dict(categories=[1, 2]), 'list of strings'),
        (dict(prompt=[10, 20, 30, 40]), 'box='),
        (dict(prompt=np.ones((4, 4), bool)), 'mask='),
        (dict(prompt=7), 'list of strings'),
        (dict(expression=['a dog']), 'one by one'),
        (dict(expression=3), 'string'),
        (dict(box=[1, 2, 3]), '\\(3,\\)'),
        (dict(box=[[[1, 2, 3, 4]]]), '\\(1, 1, 4\\)'),
        (dict(box='left'), 'numbers'),
        (dict(box=[1, None, 3, 4]), 'numbers'),
        (dict(box=[[1, 2, 3, 4], [1, 2]]), 'numbers'),
        (dict(box=[1, 2, float('nan'), 4]), 'not finite'),
        (dict(box=[5, 2, 5, 4]), 'empty'),
        (dict(box=[[1, 2, 3, 4], [3, 2, 1, 4]]), r'Box 2 \(3, 2, 1, 4\) .* swapped'),
        (dict(box=[0.1, 0.1, 0.4, 0.6]), 'smaller than a pixel. Pixels .* expected'),
        (dict(box=[1, 2, 9, 2.9]), 'smaller than a pixel'),
        (dict(mask=[True, False]), '\\(2,\\)'),
        (dict(mask='all'), 'numbers'),
        (dict(mask=np.full((4, 4), 0.5)), r'not whole, in 0\.5\.\.0\.5.*mask > 0\.5'),
        (dict(mask=[[0, 1.0, 0.25]]), r'not whole, in 0\.\.1'),
        (dict(mask=[[0, 1, float('nan')]]), 'nan or infinite'),
        (dict(mask=[[0, 1, float('inf')]]), 'nan or infinite'),
        (dict(mask=[[0, -1]]), 'numbers of targets are 1 and more|Numbers'),
        (dict(mask=np.arange(81).reshape(9, 9)), '80 numbers.*at most'),
        (dict(mask=np.uint8([[0, 9, 255]])), '255 may be white'),
        (dict(mask=[[[0, 1]], [[1, 2]]]), 'holds several numbers: 1, 2'),
    ],
)
def test_something_wrong_is_given(wrong, message):
    with pytest.raises(ValueError, match=message):
        given(**wrong)


def test_names_and_expressions():
    assert given(categories=('dog', 'cat')) == [Prompt.from_categories(['dog', 'cat'])]
    assert given(categories='dog, cat,') == [Prompt.from_categories(['dog', 'cat'])]
    assert given(prompt=['dog', 'cat']) == [Prompt.from_categories(['dog', 'cat'])]
    assert given(expression='A dog!') == [Prompt.from_expression('A dog!')]
    assert given(prompt='A dog!') == [Prompt.from_expression('A dog!')]


def test_what_is_made_already():
    prompt, target = Prompt.from_categories(['dog']), Target(torch.tensor([1, 2, 3, 4]))
    assert given(prompt=prompt) == [prompt]
    assert given(prompt=target) == [target]


@pytest.mark.parametrize('kind', [list, np.asarray, torch.tensor, np.float32])
def test_boxes(kind):
    (target,) = given(box=kind([1, 2, 3, 4]))
    assert torch.equal(target.box_xyxy, torch.tensor([1.0, 2, 3, 4]))
    assert target.mask is None
    targets = given(box=kind([[1, 2, 3, 4], [0, 0, 1, 9]]))
    assert [t.box_xyxy.tolist() for t in targets] == [[1, 2, 3, 4], [0, 0, 1, 9]]


@pytest.mark.parametrize('kind', [bool, np.uint8, np.float32])
def test_masks(kind):
    masks = np.random.rand(3, 5, 6) > 0.5
    (target,) = given(mask=masks[0].astype(kind) * 200)
    assert torch.equal(target.mask, torch.from_numpy(masks[0]))
    assert target.box_xyxy is None
    targets = given(mask=masks.transpose(0, 2, 1).astype(kind))
    for target, mask in zip(targets, masks):
        assert torch.equal(target.mask, torch.from_numpy(mask.T.copy()))
    targets = given(mask=torch.from_numpy(masks))
    assert torch.equal(targets[2].mask, torch.from_numpy(masks[2]))


@pytest.mark.parametrize(
    'kind', [np.uint8, np.uint16, np.int64, np.float32, torch.tensor, torch.Tensor]
)
def test_a_map_of_numbers_shows_a_target_by_each(kind):
    numbers = [[0, 2, 2], [0, 0, 1], [40, 40, 1]]
    targets = given(mask=kind(numbers))
    assert [target.mask.int().tolist() for target in targets] == [
        [[int(number == label) for number in row] for row in numbers]
        for label in (1, 2, 40)
    ]


@pytest.mark.parametrize('kind', [np.asarray, torch.tensor])
def test_what_is_given_may_be_changed_later(kind):
    box, mask = kind([1.0, 2.0, 3.0, 4.0]), kind([[True, False]])
    targets = [*given(box=box), *given(mask=mask)]
    box[:] = 0
    mask[:] = False
    assert targets[0].box_xyxy.tolist() == [1, 2, 3, 4]
    assert targets[1].mask.tolist() == [[True, False]]


@pytest.mark.parametrize(
    ('frame', 'message'),
    [
        (None, 'end of a video'),
        ([[1, 2, 3]], 'list'),
        (torch.zeros(4, 4, 3, dtype=torch.uint8), 'Tensor'),
        (np.zeros((4, 4), np.uint8), 'height, width, 3'),
        (np.zeros((4, 4, 4), np.uint8), 'height, width, 3'),
        (np.zeros((3, 4, 4), np.uint8), 'height, width, 3'),
        (np.zeros((0, 4, 3), np.uint8), 'height, width, 3'),
        (np.zeros((4, 4, 3)), 'uint8'),
        (np.zeros((4, 4, 3), np.int64), 'uint8'),
        (np.zeros((1, 1, 3), np.uint8), '1 x 1 pixels .* shows nothing'),
        (np.zeros((1, 400, 3), np.uint8), '400 x 1 pixels .* shows nothing'),
        (np.zeros((900, 8, 3), np.uint8), '100 times as long'),
    ],
)
def test_what_is_no_frame(frame, message):
    with pytest.raises(ValueError, match=message):
        checked_frame(frame)


def test_a_frame():
    assert checked_frame(np.zeros((4, 5, 3), np.uint8)) == (4, 5)


def test_thinnest_and_smallest_frames():
    for size in ((4, 4), (4, 400), (400, 4), (5, 500)):
        assert checked_frame(np.zeros((*size, 3), np.uint8)) == size
    for size in ((3, 4), (4, 3), (4, 401), (401, 4)):
        with pytest.raises(ValueError, match='shows nothing'):
            checked_frame(np.zeros((*size, 3), np.uint8))


def test_as_many_numbers_as_a_mask_may_hold():
    numbers = np.arange(65).reshape(5, 13)
    assert len(given(mask=numbers)) == 64
    with pytest.raises(
        ValueError, match='65 numbers or colours: 1, 2, 3, 4, 5, ..., 65'
    ):
        given(mask=numbers + 1)
    with pytest.raises(ValueError, match=r'several numbers: 1, 2, 3, 4, 5, 6\. '):
        given(mask=np.arange(7).reshape(1, 1, 7))


def test_255_is_white_or_unknown_only_beside_others_of_8_bits():
    mask = np.array([[0, 1, 255]])
    assert len(given(mask=mask.astype(np.uint16))) == 2
    assert len(given(mask=(mask // 255 * 255).astype(np.uint8))) == 1
    assert len(given(mask=(mask.clip(max=254)).astype(np.uint8))) == 2
    with pytest.raises(ValueError, match='255 may be white'):
        given(mask=mask.astype(np.uint8))
