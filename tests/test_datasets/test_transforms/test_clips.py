from __future__ import annotations

import numpy as np
import pytest
import torch
from mmcv.transforms import BaseTransform
from mmdet.structures.bbox import HorizontalBoxes

from uninext.datasets.transforms import (
    ForEachFrame,
    PackClipInputs,
    RandomApplyCrop,
    SampleTarget,
    TemplatePrompt,
)
from uninext.registry import TRANSFORMS
from uninext.structures import Prompt, Template, UninextDataSample, VisualPrompt


def frame(ids=(1, 2), height=60, width=80, ignored=(), **more) -> dict:
    boxes = torch.tensor([[4.0 + 8 * i, 6.0, 10.0 + 8 * i, 20.0] for i in ids])
    return dict(
        img=np.random.randint(0, 255, (height, width, 3), dtype=np.uint8),
        img_shape=(height, width),
        gt_bboxes=HorizontalBoxes(boxes.reshape(-1, 4)),
        gt_bboxes_labels=np.array(ids, dtype=np.int64),
        gt_ignore_flags=np.isin(ids, ignored),
        gt_instances_ids=np.array(ids, dtype=np.int64),
        **more,
    )


def clip(**more) -> dict:
    return dict(frames=[frame(**more), frame(**more)])


RESIZE_AND_FLIP = [
    dict(type='RandomChoiceResize', scales=[(s, 999) for s in (30, 40, 50, 60)]),
    dict(type='RandomFlip', prob=0.5),
]
CROP = dict(type='RandomCrop', crop_type='absolute_range', crop_size=(20, 50))


def test_no_frames():
    assert ForEachFrame([])(dict(frames=[])) == dict(frames=[])


@pytest.mark.parametrize('shared', [False, True])
def test_random_choices_are_shared_if_asked(shared):
    transform = ForEachFrame(RESIZE_AND_FLIP, share_random_params=shared)
    sizes, flips = set(), set()
    for _ in range(60):
        a, b = transform(clip())['frames']
        sizes.add((a['img_shape'], b['img_shape']))
        flips.add((a['flip'], b['flip']))
    assert {f for f in flips if f[0] == f[1]} == {(True, True), (False, False)}
    assert all(a == b for a, b in sizes) is shared
    assert (len(flips) == 2) is shared
    assert len({a for a, _ in sizes}) == 4


def test_crop_or_not_is_a_choice_of_the_clip_and_windows_are_not():
    transform = RandomApplyCrop(
        [dict(type='ForEachFrame', transforms=[dict(CROP, allow_negative_crop=True)])]
    )
    cropped, windows = set(), set()
    for _ in range(60):
        shapes = [f['img_shape'] for f in transform(clip())['frames']]
        cropped.add(tuple(s != (60, 80) for s in shapes))
        windows.add(shapes[0] == shapes[1])
    assert cropped == {(False, False), (True, True)}
    assert windows == {False, True}


@pytest.mark.parametrize('which', [0, 1])
def test_a_clip_stays_whole_for_the_sake_of_one_frame(which):
    transform = RandomApplyCrop([dict(type='ForEachFrame', transforms=[CROP])], prob=1)
    for _ in range(10):
        sample = clip()
        sample['frames'][which]['keep_whole'] = True
        shapes = [f['img_shape'] for f in transform(sample)['frames']]
        assert shapes == [(60, 80)] * 2


def test_ids_stay_with_their_boxes():
    """Where a box lies tells its id; crops and filtering drop some."""
    steps = [dict(CROP, allow_negative_crop=True), dict(type='KeepVisibleInstances')]
    transform = ForEachFrame(steps)
    left = []
    for _ in range(60):
        got = transform(clip(ids=(1, 3, 5, 8)))
        if got is None:
            continue
        for f in got['frames']:
            ids = f['gt_instances_ids']
            assert ids.dtype == np.int64
            assert np.array_equal(ids, f['gt_bboxes_labels'])
            assert len(ids) == len(f['gt_bboxes']) == len(f['gt_ignore_flags'])
            ends = f['gt_bboxes'].tensor[:, 2].numpy()
            whole = ends < f['img_shape'][1]  # not cut by the right border
            assert len(set((ends - 8 * ids)[whole])) <= 1
            left.append(len(ids))
    assert {1, 2, 3} <= set(left)


def test_a_rejected_frame_rejects_the_clip():
    class RejectSecond(BaseTransform):
        seen = 0

        def transform(self, results):
            self.seen += 1
            return results if self.seen == 1 else None

    assert ForEachFrame([RejectSecond()])(clip()) is None


def test_choices_are_drawn_anew_after_an_error():
    class Fail(BaseTransform):
        def transform(self, results):
            raise RuntimeError('no')

    flip = TRANSFORMS.build(dict(type='RandomFlip', prob=0.5))
    with pytest.raises(RuntimeError, match='no'):
        ForEachFrame([flip, Fail()], share_random_params=True)(clip())
    assert len({flip(frame())['flip'] for _ in range(20)}) == 2


# ---------------------------------------------------------------------------- targets


def test_no_common_target():
    assert SampleTarget()(dict(frames=[frame([1]), frame([2])])) is None
    assert SampleTarget()(dict(frames=[frame([]), frame([])])) is None
    crowds = dict(frames=[frame([1, 2], ignored=[1]), frame([1])])
    assert SampleTarget()(crowds) is None


def test_the_target_is_in_all_frames():
    drawn = set()
    for _ in range(30):
        frames = SampleTarget()(dict(frames=[frame([5, 1, 4]), frame([4, 9, 5])]))
        ids = [f['gt_instances_ids'].tolist() for f in frames['frames']]
        assert ids[0] == ids[1]
        assert [len(i) for i in ids] == [1, 1]
        for f in frames['frames']:
            assert f['gt_bboxes_labels'].tolist() == [0]
            assert f['gt_bboxes'].tensor[0, 0] == 4 + 8 * ids[0][0]
        drawn.add(ids[0][0])
    assert drawn == {4, 5}


@pytest.mark.parametrize('with_mask', [False, True])
def test_the_template_shows_the_later_frame(with_mask):
    from mmdet.structures.mask import BitmapMasks

    key, later = frame([2]), frame([2])
    mask = np.zeros((1, 60, 80), np.uint8)
    mask[0, 8:12, 21:25] = 1
    if with_mask:
        later['gt_masks'] = BitmapMasks(mask, 60, 80)
    got = TemplatePrompt(context=3.0, size=32)(dict(frames=[key, later]))
    assert got['img'] is key['img']
    assert isinstance(got['prompt'], VisualPrompt)
    (template,) = got['prompt'].templates
    expected = Template.from_frame(
        torch.from_numpy(later['img']).permute(2, 0, 1),
        torch.tensor([20.0, 6.0, 26.0, 20.0]),
        torch.from_numpy(mask[0]) if with_mask else None,
        3.0,
        32,
    )
    assert torch.equal(template.image, expected.image)
    assert torch.equal(template.prior, expected.prior)


# ---------------------------------------------------------------------------- packing


def test_a_pair_is_required():
    for results in (frame(), dict(frames=[frame()])):
        with pytest.raises(ValueError, match='put SampleFramePair at the beginning'):
            PackClipInputs()(results)


def test_packed_pair():
    sample = clip()
    names = (['a', 'b', 'c'], ['c', 'a', 'b'])
    for i, (f, n) in enumerate(zip(sample['frames'], names)):
        f.update(prompt=Prompt.from_categories(n), frame_id=i, video_id=9)
    packed = PackClipInputs()(sample)
    assert set(packed) == {'inputs', 'reference_inputs', 'data_samples'}
    for key, f in zip(('inputs', 'reference_inputs'), sample['frames']):
        assert torch.equal(packed[key], torch.from_numpy(f['img']).permute(2, 0, 1))
    key = packed['data_samples']
    assert isinstance(key.reference, UninextDataSample)
    assert (key.frame_id, key.reference.frame_id, key.video_id) == (0, 1, 9)
    assert key.prompt.names == ('a', 'b', 'c')
    assert key.reference.prompt.names == ('c', 'a', 'b')
    assert key.gt_instances.instances_ids.tolist() == [1, 2]
    assert key.gt_instances.instances_ids.dtype == torch.int64


def test_reprs_tell_the_arguments():
    text = repr(ForEachFrame([dict(type='RandomFlip', prob=0.5)], True))
    assert 'RandomFlip' in text
    assert 'share_random_params=True' in text
    assert repr(SampleTarget()) == 'SampleTarget()'
    assert repr(TemplatePrompt(2.5, 64)) == 'TemplatePrompt(context=2.5, size=64)'
