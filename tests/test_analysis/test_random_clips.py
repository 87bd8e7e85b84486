from __future__ import annotations

import torch

from uninext.analysis.random_clips import random_clips


def test_without_objects():
    data = random_clips(1, (32, 48), 0)()
    assert data['inputs'][0].shape == (3, 32, 48)
    assert len(data['data_samples'][0].gt_instances) == 0


def test_the_same_at_each_call():
    clips = random_clips(2, (32, 48), 3)
    first, second = clips(), clips()
    assert len(first['inputs']) == len(first['reference_inputs']) == 2
    for a, b in zip(first['reference_inputs'], second['reference_inputs']):
        assert torch.equal(a, b)


def test_objects_lie_in_the_frame_and_fill_their_masks():
    (sample, _) = random_clips(2, (64, 48), 4)()['data_samples']
    for frame in (sample, sample.reference):
        boxes = frame.gt_instances.bboxes
        assert (boxes >= 0).all()
        assert (boxes[:, 2] <= 48).all()
        assert (boxes[:, 3] <= 64).all()
        assert (frame.gt_instances.masks.areas > 0).all()


def test_frames_without_reference():
    data = random_clips(1, (32, 32), 1, with_reference=False)()
    assert set(data) == {'inputs', 'data_samples'}
    assert 'reference' not in data['data_samples'][0]
