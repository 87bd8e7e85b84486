"""Whole clip pipelines of the configs: on generated videos, and on real ones."""

from __future__ import annotations

import copy
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config

from helpers import packed_samples
from helpers.tools import run_tool
from uninext.datasets import MultiTaskDataset, SampleDraw
from uninext.registry import DATASETS
from uninext.structures import Prompt, VisualPrompt

ROOT = Path(__file__).resolve().parents[2]
CLIPS = Config.fromfile(ROOT / 'configs/_base_/pipelines/clips.py')
NAMES = [
    'train_pipeline',
    'small_train_pipeline',
    'near_train_pipeline',
    'expression_train_pipeline',
    'small_expression_train_pipeline',
    'target_train_pipeline',
    'small_target_train_pipeline',
]


def small(name: str) -> list[dict]:
    """A pipeline of the configs with small sizes."""

    def shrink(steps):
        for step in steps:
            if step.type == 'RandomChoiceResize':
                step.scales = [(32, 120), (48, 120)]
            elif step.type == 'RandomCrop':
                step.crop_size = (20, 30)
            elif step.type == 'TemplatePrompt':
                step.size = 16
            shrink(step.get('transforms', []))

    pipeline = copy.deepcopy(CLIPS[name])
    shrink(pipeline)
    return pipeline


def build(kind: str, name: str, args: dict):
    return DATASETS.build({**args, 'type': kind, 'pipeline': small(name)})


def check_frame(inputs, sample):
    packed_samples.check_frame(inputs, sample)
    ids = sample.gt_instances.instances_ids
    assert ids.dtype == torch.int64
    assert len(set(ids.tolist())) == len(ids)


def check(packed, template_size=16):
    sample = packed['data_samples']
    check_frame(packed['inputs'], sample)
    if isinstance(sample.prompt, VisualPrompt):
        assert set(packed) == {'inputs', 'data_samples'}
        assert sample.prompt.templates[0].image.shape[-1] == template_size
        assert sample.gt_instances.labels.tolist() == [0]
        return
    assert isinstance(sample.prompt, Prompt)
    assert set(packed) == {'inputs', 'reference_inputs', 'data_samples'}
    check_frame(packed['reference_inputs'], sample.reference)
    assert sample.flip == sample.reference.flip


def drawn(dataset, count=16):
    """Some samples of video or image 0; those that are rejected are passed over."""
    samples = [dataset.prepare_data(0) for _ in range(count)]
    return [sample for sample in samples if sample is not None]


def test_all_pipelines_are_tested():
    assert set(CLIPS) == set(NAMES)


@pytest.mark.parametrize('with_masks', [True, False])
@pytest.mark.parametrize('name', NAMES)
def test_videos(name, with_masks, write_videos, video_content):
    content, kind = video_content, 'VideoInstanceDataset'
    if 'expression' in name:
        kind = 'ReferringVideoDataset'
        del content['annotations'][1]
    elif 'target' in name:
        kind = 'SingleObjectDataset'
    if not with_masks:
        for annotation in content['annotations']:
            del annotation['segmentations']
    samples = drawn(build(kind, name, write_videos(content)))
    assert len(samples) >= 3
    for packed in samples:
        check(packed)
        sample = packed['data_samples']
        assert ('masks' in sample.gt_instances) is with_masks
        assert sample.video_id == 5
        if 'reference' in sample:
            assert sample.frame_id < sample.reference.frame_id


@pytest.mark.parametrize('name', ['train_pipeline', 'target_train_pipeline'])
def test_images(name, write_coco, coco_content):
    samples = drawn(build('PromptCocoDataset', name, write_coco(coco_content)))
    assert len(samples) >= 3
    for packed in samples:
        check(packed)
        sample = packed['data_samples']
        if 'reference' in sample:
            pair = sample.gt_instances, sample.reference.gt_instances
            for key in pair:
                # the names of the objects: 0 is a dog, 1 a red car
                names = sample.prompt if key is pair[0] else sample.reference.prompt
                found = [names.names[label] for label in key.labels]
                ground_truth = [('dog', 'red car')[i] for i in key.instances_ids]
                assert found == ground_truth


def test_image_expressions(write_coco, refs_content):
    dataset = build(
        'ReferringDataset', 'expression_train_pipeline', write_coco(refs_content)
    )
    samples = drawn(dataset, 40)
    for packed in samples:
        check(packed)
    texts = [
        (s['data_samples'].prompt.text, s['data_samples'].reference.prompt.text)
        for s in samples
    ]
    assert len({a for a, _ in texts}) == 3  # the mirrored one, too
    assert any(a != b for a, b in texts)  # an expression for each frame


def test_a_mirrored_clip_swaps_left_and_right(write_videos, video_content):
    """The object is in the left half: after any flip the word tells where."""
    content = video_content
    del content['annotations'][1]
    dataset = build(
        'ReferringVideoDataset', 'expression_train_pipeline', write_videos(content)
    )
    for step in dataset.pipeline.transforms:
        if type(step).__name__ == 'RandomApplyCrop':
            step.prob = 0.0
    seen = set()
    for packed in drawn(dataset):
        sample = packed['data_samples']
        for s in (sample, sample.reference):
            centre = s.gt_instances.bboxes.tensor[0, [0, 2]].mean()
            side = 'left' if centre < s.img_shape[1] / 2 else 'right'
            assert side in s.prompt.text.split()
            seen.add(side)
    assert seen == {'left', 'right'}


def test_clips_with_an_ordinal_are_not_cropped(write_videos, video_content):
    content = video_content
    del content['annotations'][1]
    content['videos'][0]['expressions'] = ['the first dog']
    dataset = build(
        'ReferringVideoDataset', 'expression_train_pipeline', write_videos(content)
    )
    ratios = set()
    for packed in drawn(dataset):
        sample = packed['data_samples']
        for s in (sample, sample.reference):
            ratios.add(round(s.img_shape[1] / s.img_shape[0], 1))
    assert ratios == {1.5}


@pytest.mark.parametrize('damage', ['absent', 'other size', 'no image'])
def test_a_frame_that_cannot_be_used(
    damage, write_videos, video_content, tmp_path, monkeypatch
):
    """The pair is not made; every file is told of once; another sample is drawn."""
    said = []
    monkeypatch.setattr(
        'uninext.datasets.detection.print_log', lambda text, **_: said.append(text)
    )
    source = build(
        'VideoInstanceDataset', 'train_pipeline', write_videos(video_content)
    )
    for t in (0, 1, 3):
        path = tmp_path / 'frames' / 'walk' / f'{t}.png'
        if damage == 'absent':
            path.unlink()
        elif damage == 'other size':
            cv2.imwrite(str(path), np.zeros((3, 3, 3), np.uint8))
        else:
            path.write_text('not an image')
    dataset = MultiTaskDataset([dict(name='vis', dataset=source)])
    # landscape and portrait share no batch: only the portrait one is left for itself
    assert dataset[SampleDraw(1, 3)]['data_samples'].video_id == 6
    with pytest.raises(RuntimeError, match="'vis' gave no usable sample"):
        dataset[SampleDraw(0, 3)]
    assert len(said) == 3
    assert '(3 such files so far)' in said[-1]


@pytest.mark.slow
def test_a_mixture_of_all(
    write_videos, write_coco, video_content, coco_content, load_batches
):
    """Batches are of one source, and equal with and without workers."""
    videos = write_videos(video_content)
    sources = [
        dict(name='vis', dataset=dict(videos, type='VideoInstanceDataset')),
        dict(name='sot', dataset=dict(videos, type='SingleObjectDataset')),
        dict(
            name='coco',
            dataset=dict(
                write_coco(coco_content),
                type='PromptCocoDataset',
                filter_cfg=dict(filter_empty_gt=True),
            ),
        ),
    ]
    for source, name in zip(
        sources, ('train_pipeline', 'target_train_pipeline', 'train_pipeline')
    ):
        source['dataset']['pipeline'] = small(name)
    dataset = dict(type='MultiTaskDataset', sources=sources)
    batches = [
        list(islice(load_batches(copy.deepcopy(dataset), n), 12)) for n in (0, 1)
    ]
    seen = set()
    for a, b in zip(*batches):
        kinds = {sample.source for sample in a['data_samples']}
        assert len(kinds) == 1
        assert ('reference_inputs' in a) is (kinds != {'sot'})
        assert all(torch.equal(x, y) for x, y in zip(a['inputs'], b['inputs']))
        seen |= kinds
    assert seen == {'vis', 'sot', 'coco'}


@pytest.mark.slow
def test_real_videos(data_dir, tmp_path):
    """The tiny stage 3 on DAVIS and MOT17: every source, every frame checked."""
    davis, mot17 = str(data_dir / 'davis2016'), str(data_dir / 'mot17_mini')
    tool = 'tools/dataset_converters/tiny_video.py'
    assert run_tool(tool, tmp_path, '--davis', davis, '--mot17', mot17) == 0
    config = Config.fromfile(ROOT / 'configs/uninext/stage3_video_tiny.py')
    sources = config.train_dataloader.dataset.sources
    for source in sources:
        source.dataset.data_root = str(tmp_path)
        if source.name == 'coco':
            source.dataset.update(
                data_root=str(data_dir / 'coco'), data_prefix=dict(img='train2017')
            )
    dataset = MultiTaskDataset(sources)
    masked = {'vos', 'vis', 'coco', 'rvos'}
    for start, source in zip(dataset._starts, dataset.sources):
        for seed in range(4):
            index = int(start) + seed % len(source.dataset)
            packed = dataset[SampleDraw(index, seed)]
            check(packed, template_size=128)
            sample = packed['data_samples']
            assert ('masks' in sample.gt_instances) is (source.name in masked)
            assert ('reference' in sample) is (source.name not in {'sot', 'vos'})
