from __future__ import annotations

import copy

import pytest
import torch
from mmengine.structures import InstanceData

from uninext.structures import Prompt, Template, UninextDataSample, VisualPrompt


def test_without_a_prompt_it_says_so():
    assert 'prompt' not in UninextDataSample()
    with pytest.raises(AttributeError):
        _ = UninextDataSample().prompt


def test_prompt_is_kept_and_can_be_dropped():
    prompt = Prompt.from_categories(['dog'])
    sample = UninextDataSample(prompt=prompt)
    assert sample.prompt is prompt
    assert 'prompt' in sample
    del sample.prompt
    assert 'prompt' not in sample


def test_several_prompts():
    dog, cat = Prompt.from_categories(['dog']), Prompt.from_expression('the cat')
    sample = UninextDataSample(prompt=dog)
    assert sample.prompts == (dog,)
    sample.prompts = [dog, cat]
    for twin in (copy.deepcopy(sample), sample.to('cpu'), sample.clone()):
        assert twin.prompts == (dog, cat)
    del sample.prompts
    assert sample.prompts == (dog,)


@pytest.mark.parametrize('wrong', ['dog', ['dog'], None])
def test_prompt_must_be_a_prompt(wrong):
    with pytest.raises(AssertionError):
        UninextDataSample().prompt = wrong


def test_it_travels_with_ground_truth():
    sample = UninextDataSample(
        prompt=Prompt.from_expression('the dog'),
        gt_instances=InstanceData(bboxes=torch.zeros(1, 4), labels=torch.zeros(1)),
        metainfo=dict(img_shape=(4, 6)),
    )
    for twin in (copy.deepcopy(sample), sample.to('cpu'), sample.clone()):
        assert twin.prompt == sample.prompt
        assert len(twin.gt_instances) == 1
        assert twin.img_shape == (4, 6)


def test_a_target_can_be_the_prompt():
    frame = torch.zeros(3, 8, 8)
    template = Template.from_frame(frame, torch.tensor([1.0, 1.0, 4.0, 4.0]), size=4)
    sample = UninextDataSample(prompt=VisualPrompt((template,)))
    assert sample.prompt.templates == (template,)
    assert sample.to('cpu').prompt is sample.prompt


def test_reference_is_another_sample():
    sample, other = UninextDataSample(), UninextDataSample(metainfo=dict(frame_id=3))
    assert 'reference' not in sample
    sample.reference = other
    assert sample.reference is other
    for twin in (copy.deepcopy(sample), sample.to('cpu'), sample.clone()):
        assert twin.reference.frame_id == 3
    del sample.reference
    assert 'reference' not in sample
    with pytest.raises(AssertionError):
        sample.reference = Prompt.from_categories(['dog'])
