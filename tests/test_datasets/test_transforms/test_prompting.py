from __future__ import annotations

import numpy as np
import pytest
import torch
from mmdet.structures.bbox import HorizontalBoxes

from uninext.datasets.transforms import (
    AllCategoryPrompt,
    SampleCategoryPrompt,
    SampleExpressionPrompt,
    SwapLeftRight,
    has_ordinal,
    swap_left_right,
)
from uninext.structures import Prompt
from uninext.utils.tokenizer import build_tokenizer

CLASSES = ('dog', 'traffic light', 'red car', 'cat', 'giraffe')


def sample(labels, classes=CLASSES, ignored=None):
    """A box tells its label, so that boxes and labels can be seen to stay together."""
    boxes = torch.tensor([[0, 0, label + 1, 1] for label in labels]).float()
    return dict(
        classes=classes,
        gt_bboxes=HorizontalBoxes(boxes.reshape(-1, 4)),
        gt_bboxes_labels=np.array(labels, dtype=np.int64),
        gt_ignore_flags=np.array(ignored or [False] * len(labels), dtype=bool),
    )


def names_of_boxes(results, classes=CLASSES):
    """(name by label, name by box) of each instance."""
    by_label = [results['prompt'].names[i] for i in results['gt_bboxes_labels']]
    by_box = [classes[int(w) - 1] for w in results['gt_bboxes'].widths]
    return by_label, by_box


def test_image_without_objects_asks_for_something():
    transform = SampleCategoryPrompt()
    for _ in range(20):
        results = transform(sample([]))
        assert len(results['prompt']) >= 1
        assert len(results['gt_bboxes_labels']) == 0


def test_labels_follow_the_shuffled_names():
    transform = SampleCategoryPrompt()
    for _ in range(50):
        results = transform(sample([3, 0, 3, 2]))
        by_label, by_box = names_of_boxes(results)
        assert by_label == by_box == ['cat', 'dog', 'cat', 'red car']
        names = results['prompt'].names
        assert len(set(names)) == len(names)
        assert set(names) <= {*CLASSES, '__background__'}


def test_order_of_names_is_shuffled():
    transform = SampleCategoryPrompt()
    firsts = {transform(sample([0, 3]))['prompt'].names[0] for _ in range(100)}
    assert firsts >= set(CLASSES)


def test_negatives_are_full_half_of_the_time():
    """full = 6 (with background): all drawn with p = 1/2 + 1/2 * 1/6 = 7/12."""
    transform = SampleCategoryPrompt()
    sizes = [len(transform(sample([]))['prompt']) for _ in range(3000)]
    counts = np.bincount(sizes, minlength=7)[1:]
    assert np.allclose(counts / 3000, [1 / 12] * 5 + [7 / 12], atol=0.03)


def test_some_of_what_is_there_is_asked_for():
    transform = SampleCategoryPrompt(subset_prob=0.6, with_background=False)
    num_asked = np.zeros(3)
    for _ in range(2000):
        results = transform(sample([3, 0, 3]))
        by_label, by_box = names_of_boxes(results)
        assert by_label == by_box
        asked = set(results['prompt'].names)
        assert asked and asked & {'cat', 'dog'} == set(by_label)
        num_asked[len(set(by_label))] += 1
    assert np.allclose(num_asked / 2000, [0.2, 0.2, 0.6], atol=0.04)


def test_where_no_absent_name_is_left_all_of_what_is_there_is_asked_for():
    transform = SampleCategoryPrompt(subset_prob=1.0, with_background=False)
    for _ in range(50):
        results = transform(sample([0, 1], CLASSES[:2]))
        by_label, by_box = names_of_boxes(results, CLASSES[:2])
        assert by_label == by_box
        assert set(results['prompt'].names) == set(by_label) != {}


@pytest.mark.parametrize('value', [-0.1, 1.5])
def test_a_subset_prob_that_is_none(value):
    with pytest.raises(ValueError, match='subset_prob'):
        SampleCategoryPrompt(subset_prob=value)


def test_max_negatives_counts_draws_not_names():
    transform = SampleCategoryPrompt(max_negatives=1)
    sizes = [len(transform(sample([0]))['prompt']) for _ in range(1200)]
    # the one name drawn is the positive itself once in six
    assert set(sizes) == {1, 2}
    assert abs(sizes.count(1) / 1200 - 1 / 6) < 0.04


def test_background_is_a_switch_and_never_present():
    without = SampleCategoryPrompt(with_background=False)
    own = (*CLASSES, 'Background')
    for _ in range(50):
        assert '__background__' not in without(sample([0]))['prompt'].names
        names = SampleCategoryPrompt()(sample([0], own))['prompt'].names
        assert '__background__' not in names
    transform = SampleCategoryPrompt()
    drawn = [transform(sample([0]))['prompt'] for _ in range(100)]
    assert any(' background ' in prompt.text for prompt in drawn)


def test_single_class_dataset():
    for _ in range(20):
        results = SampleCategoryPrompt()(sample([0, 0], ('raccoon',)))
        assert names_of_boxes(results, ('raccoon',))[0] == ['raccoon'] * 2


def test_caption_stays_within_the_budget_and_drops_what_does_not_fit():
    classes = tuple(f'thing number {i}' for i in range(60))
    transform = SampleCategoryPrompt(max_tokens=40)
    tokenizer = build_tokenizer('uncased')
    dropped = 0
    for _ in range(20):
        results = transform(sample(range(60), classes))
        assert len(tokenizer(results['prompt'].text)['input_ids']) <= 40
        by_label, by_box = names_of_boxes(results, classes)
        assert by_label == by_box
        assert set(by_label) <= set(results['prompt'].names)
        dropped += 60 - len(by_label)
    assert dropped > 0


def test_positives_come_before_negatives_in_the_budget():
    classes = tuple(f'thing number {i}' for i in range(60))
    transform = SampleCategoryPrompt(max_tokens=24)
    for _ in range(30):
        results = transform(sample([5, 6, 7], classes))
        assert set(results['prompt'].names) >= {classes[i] for i in (5, 6, 7)}


def test_present_class_is_never_asked_for_as_absent():
    """Neither if it did not fit: its objects are gone, it would be taught as absent."""
    transform = SampleCategoryPrompt(max_tokens=8)
    overflowed = 0
    for seed in range(2000):
        np.random.seed(seed)
        results = transform(sample([0, 2, 3, 4]))
        kept = {names_of_boxes(results)[1][i] for i in range(len(results['gt_bboxes']))}
        asked = set(results['prompt'].names)
        assert asked & {'dog', 'red car', 'cat', 'giraffe'} == kept
        overflowed += len(kept) < 4
    assert overflowed == 2000


def test_negatives_leave_a_token_and_positives_need_not():
    """The published loop goes on while more than no token is left *after* a name."""
    classes = tuple('abcdefgh')  # two tokens each, with the full stop
    transform = SampleCategoryPrompt(max_tokens=8 + 2, max_negatives=8)
    sizes = {
        count: max(
            len(transform(sample(range(count), classes))['prompt']) for _ in range(200)
        )
        for count in range(6)
    }
    # 8 tokens: names that are present may fill them, one that is absent may not
    assert sizes == {0: 3, 1: 3, 2: 3, 3: 3, 4: 4, 5: 4}


def test_name_that_fits_into_no_caption_is_passed_over():
    classes = ('a ' * 50, 'dog')
    transform = SampleCategoryPrompt(max_tokens=16)
    for _ in range(20):
        results = transform(sample([0, 1], classes))
        assert names_of_boxes(results, classes)[0] == ['dog']
        assert transform(sample([], classes))['prompt'].names != (classes[0],)


def test_no_name_fits_at_all():
    transform = SampleCategoryPrompt(max_tokens=6, with_background=False)
    with pytest.raises(ValueError, match='No class name fits'):
        transform(sample([], ('a ' * 50,)))


def test_ignored_objects_are_no_positives():
    transform = SampleCategoryPrompt(max_negatives=1, with_background=False)
    seen = set()
    for _ in range(60):
        results = transform(sample([0, 1], ignored=[False, True]))
        assert results['gt_bboxes_labels'][0] == results['prompt'].names.index('dog')
        seen.add(results['prompt'].names)
        assert len(results['gt_bboxes_labels']) == len(results['gt_ignore_flags']) == 1
    assert len(seen) > 2


@pytest.mark.parametrize(
    ('kwargs', 'message'),
    [(dict(max_tokens=3), 'max_tokens is 3'), (dict(max_negatives=0), 'at least 1')],
)
def test_bad_arguments(kwargs, message):
    with pytest.raises(ValueError, match=message):
        SampleCategoryPrompt(**kwargs)


def test_all_categories_in_order():
    results = AllCategoryPrompt()(sample([4, 1]))
    assert results['prompt'].names == CLASSES
    assert results['gt_bboxes_labels'].tolist() == [4, 1]


def test_no_expressions():
    with pytest.raises(ValueError, match='no expressions'):
        SampleExpressionPrompt()(dict(expressions=[], img_path='a.jpg'))


def test_expression_is_drawn_and_labels_become_zero():
    texts = set()
    for _ in range(50):
        results = SampleExpressionPrompt()(
            dict(expressions=['A dog!', 'second cat'], gt_bboxes_labels=np.array([3]))
        )
        assert results['prompt'] == Prompt.from_expression(results['expression'])
        assert results['prompt'].pooled
        assert results['gt_bboxes_labels'].tolist() == [0]
        assert results['keep_whole'] == (results['expression'] == 'second cat')
        texts.add(results['prompt'].text)
    assert texts == {'a dog', 'second cat'}


@pytest.mark.parametrize(
    ('text', 'expected'),
    [
        ('', False),
        ('third from left', True),
        ('the Tenth.', True),
        ('thirdly', False),
        ('seconds', False),
        ('one of them', False),
        ('second-largest', True),
    ],
)
def test_ordinals_are_whole_words(text, expected):
    assert has_ordinal(text) is expected


@pytest.mark.parametrize(
    ('text', 'expected'),
    [
        ('', ''),
        ('left', 'right'),
        ('Right most, LEFT one', 'Left most, RIGHT one'),
        ('left of the right one', 'right of the left one'),
        ('bright upright man', 'bright upright man'),
        ('leftover pizza, copyright', 'leftover pizza, copyright'),
        ('leftmost rightmost', 'rightmost leftmost'),
        ('left-hand lefthand left hand', 'right-hand righthand right hand'),
        ('leftest lefty rightside', 'rightest righty leftside'),
        ('facing leftwards', 'facing rightwards'),
        ("the right's owner", "the left's owner"),
    ],
)
def test_left_and_right_are_swapped_as_words(text, expected):
    assert swap_left_right(text) == expected
    assert swap_left_right(expected) == text


@pytest.mark.parametrize(
    ('flip', 'direction', 'expected'),
    [
        (True, 'horizontal', 'right dog'),
        (True, 'diagonal', 'right dog'),
        (True, 'vertical', 'left dog'),
        (False, None, 'left dog'),
    ],
)
def test_expression_is_swapped_with_the_image(flip, direction, expected):
    results = dict(
        prompt=Prompt.from_expression('left dog'),
        expression='left dog',
        flip=flip,
        flip_direction=direction,
    )
    results = SwapLeftRight()(results)
    assert results['expression'] == results['prompt'].text == expected


def test_category_names_are_not_swapped():
    prompt = Prompt.from_categories(['left shoe'])
    results = SwapLeftRight()(
        dict(prompt=prompt, flip=True, flip_direction='horizontal')
    )
    assert results['prompt'] is prompt
