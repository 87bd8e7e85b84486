"""Whole pipelines of the configs, on generated and on real photographs."""

from __future__ import annotations

import pickle
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmdet.structures.mask import BitmapMasks
from mmengine.config import Config

from helpers.packed_samples import check_frame
from uninext import converters as conv
from uninext.datasets import MultiTaskDataset, SampleDraw
from uninext.registry import DATASETS
from uninext.structures import Prompt

BASES = Path(__file__).resolve().parents[2] / 'configs/_base_'
KINDS = dict(coco='', objects365v2='boxes_', refcoco='expression_')


def shrink(pipeline, short=48):
    """The same steps with small sizes."""
    for step in pipeline:
        if step.type == 'RandomApplyCrop':
            shrink(step.transforms)
        elif step.type == 'RandomChoiceResize':
            step.scales = [(short, 120), (short + 16, 120)]
        elif step.type == 'RandomCrop':
            step.crop_size = (24, 40)
        elif step.type == 'Resize':
            step.scale = (120, short)
    return pipeline


def base(name, key, args):
    """A set of the configs, joined with its pipeline as a leaf does it."""
    cfg = Config.fromfile(BASES / f'datasets/{name}.py')[f'{name}_{key}']
    file, kind = ('images', 'train') if key == 'train' else ('image_tests', 'test')
    pipelines = Config.fromfile(BASES / f'pipelines/{file}.py')
    cfg.pipeline = shrink(pipelines[f'{KINDS[name]}{kind}_pipeline'])
    cfg.update({k: v for k, v in args.items() if k != 'pipeline'})
    return cfg


def check(packed):
    sample = packed['data_samples']
    check_frame(packed['inputs'], sample)
    assert isinstance(sample.prompt, Prompt)
    objects = sample.gt_instances
    if 'masks' in objects:
        assert isinstance(objects.masks, BitmapMasks)
        for mask, box in zip(objects.masks.masks, objects.bboxes.tensor.tolist()):
            ys, xs = np.nonzero(mask)
            assert [xs.min(), ys.min(), xs.max() + 1, ys.max() + 1] == box


@pytest.mark.parametrize('name', ['coco', 'objects365v2'])
def test_detection_training(name, write_coco, coco_content):
    args = write_coco(coco_content)
    dataset = DATASETS.build(base(name, 'train', args))
    for _ in range(10):
        for i in range(len(dataset)):
            packed = dataset[i]
            check(packed)
            masked = 'masks' in packed['data_samples'].gt_instances
            assert masked is (name == 'coco')


def test_detection_testing(write_coco, coco_content):
    dataset = DATASETS.build(base('coco', 'val', write_coco(coco_content)))
    samples = [dataset[i]['data_samples'] for i in range(4)]
    assert all(s.prompt.names == ('dog', 'red car', 'cat') for s in samples)
    # ground truth is in the frame of the original image
    assert samples[1].gt_instances.bboxes.tensor.tolist() == [[4, 6, 14, 16]]
    assert samples[1].instances[0]['bbox'] == [4, 6, 14, 16]
    assert samples[1].ori_shape == (32, 40)
    assert samples[1].img_shape == (48, 60)
    assert len(samples[3].gt_instances) == 0


def test_referring_training_keeps_expression_and_image_together(
    write_coco, refs_content, tmp_path
):
    """A white square left of a black one: after any flip the word tells where."""
    refs_content['images'] = [
        {**refs_content['images'][0], 'expressions': ['left square']}
    ]
    refs_content['annotations'] = refs_content['annotations'][:1]
    args = write_coco(refs_content)
    dataset = DATASETS.build(base('refcoco', 'train', args))
    for step in dataset.pipeline.transforms:
        if type(step).__name__ == 'RandomApplyCrop':
            step.prob = 0.0
    seen = set()
    for _ in range(30):
        packed = dataset[0]
        check(packed)
        sample = packed['data_samples']
        centre = sample.gt_instances.bboxes.tensor[0, [0, 2]].mean()
        side = 'left' if centre < sample.img_shape[1] / 2 else 'right'
        assert sample.prompt.text == f'{side} square'
        seen.add(side)
    assert seen == {'left', 'right'}


def test_expressions_with_ordinals_are_not_cropped(write_coco, refs_content):
    refs_content['images'][0]['expressions'] = ['second dog']
    refs_content['images'][1]['expressions'] = ['spotted dog']
    dataset = DATASETS.build(base('refcoco', 'train', write_coco(refs_content)))
    ratios = [set(), set()]
    for i in (0, 1):
        for _ in range(30):
            sample = dataset.prepare_data(i)
            if sample is not None:
                height, width = sample['data_samples'].img_shape
                ratios[i].add(round(width / height, 1))
    assert ratios[0] == {1.2}
    assert len(ratios[1]) > 2


def test_referring_testing_carries_what_metrics_need(write_coco, refs_content):
    dataset = DATASETS.build(base('refcoco', 'val', write_coco(refs_content)))
    samples = [dataset[i]['data_samples'] for i in range(len(dataset))]
    expressions = [(s.img_id, s.expression) for s in samples]
    assert expressions == [
        (1, 'the dog on the left'),
        (1, 'second dog'),
        (2, 'right one'),
    ]
    assert samples[0].instances[0]['bbox'] == [4, 6, 14, 16]
    assert 'mask' in samples[0].instances[0]
    assert 'masks' not in samples[2].gt_instances


def same(a, b):
    return (
        torch.equal(a['inputs'], b['inputs'])
        and a['data_samples'].prompt == b['data_samples'].prompt
        and torch.equal(
            a['data_samples'].gt_instances.bboxes.tensor,
            b['data_samples'].gt_instances.bboxes.tensor,
        )
    )


@pytest.mark.slow
def test_batches_do_not_depend_on_workers_or_interruption(
    write_coco, coco_content, load_batches
):
    source = base('coco', 'train', write_coco(coco_content))
    cfg = dict(type='MultiTaskDataset', sources=[dict(name='coco', dataset=source)])
    reference = list(islice(load_batches(cfg, 0), 12))
    parallel = list(islice(load_batches(cfg, 2), 12))
    resumed_loader = load_batches(cfg, 2)
    resumed_loader.batch_sampler.skip(5)
    resumed = list(islice(resumed_loader, 7))
    for expected, got in zip(reference + reference[5:], parallel + resumed):
        for k in range(2):
            pair = [{key: batch[key][k] for key in batch} for batch in (expected, got)]
            assert same(*pair)
            assert pair[1]['data_samples'].source == 'coco'


def test_samples_can_be_pickled(write_coco, coco_content):
    dataset = MultiTaskDataset(
        [dict(name='a', dataset=base('coco', 'train', write_coco(coco_content)))]
    )
    draw = pickle.loads(pickle.dumps(SampleDraw(0, 5)))
    packed = dataset[draw]
    assert same(packed, pickle.loads(pickle.dumps(dataset))[draw])
    check(pickle.loads(pickle.dumps(packed)))


def test_broken_image_does_not_stop_training(write_coco, coco_content, tmp_path):
    args = write_coco(coco_content)
    dataset = MultiTaskDataset([dict(name='a', dataset=base('coco', 'train', args))])
    cv2.imwrite(str(tmp_path / 'img' / '0.png'), np.zeros((3, 3, 3), np.uint8))
    packed = dataset[SampleDraw(0, 5)]
    check(packed)
    assert packed['data_samples'].img_id != 10


@pytest.mark.slow
def test_real_photographs(data_dir, tmp_path, load_batches):
    refs = conv.convert_refexp_json(data_dir / 'rec' / 'refs_public.json')
    assert (len(refs.objects), sum(refs.skipped.values())) == (15, 1)
    conv.write_json(conv.to_coco(refs), tmp_path / 'refs.json')
    root = dict(data_root=str(data_dir / 'coco'))
    coco = base(
        'coco',
        'train',
        dict(
            **root,
            ann_file='annotations/instances_train.json',
            data_prefix=dict(img='train2017'),
        ),
    )
    refcoco = base(
        'refcoco',
        'train',
        dict(**root, ann_file=str(tmp_path / 'refs.json'), data_prefix=dict(img='')),
    )
    sources = [
        dict(name='coco', dataset=coco),
        dict(name='refcoco', dataset=refcoco, batch_size=1),
    ]
    batches = load_batches(
        dict(type='MultiTaskDataset', sources=sources), num_workers=2
    )
    assert len(batches.dataset.sources[0].dataset.metainfo['classes']) == 80
    seen = set()
    for batch in islice(batches, 60):
        for inputs, sample in zip(batch['inputs'], batch['data_samples']):
            check(dict(inputs=inputs, data_samples=sample))
            seen.add((sample.source, 'masks' in sample.gt_instances))
    assert {('coco', True), ('refcoco', True)} <= seen
