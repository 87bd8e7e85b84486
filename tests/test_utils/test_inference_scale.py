"""Which size a config evaluates at, and that ``predict`` looks at that size.

The network is small and random, images and videos are generated. What the test
pipelines of the Shapes suite and the test loops make of them is compared with what the
inferencer finds, given a config and weights.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate

from helpers import loop_on_shapes as loops
from helpers.small_uninext import build, small_video_config
from uninext.apis import UninextInferencer, open_session
from uninext.model_zoo import MODEL_ZOO
from uninext.registry import DATASETS
from uninext.shapes import generate_suite
from uninext.utils.config_files import config_path
from uninext.utils.inference_scale import (
    DEFAULT_SCALE,
    PROMPT_KINDS,
    InferenceScale,
    checked_scale,
)

RESIZE = dict(type='Resize', scale=(64, 32), keep_ratio=True, backend='pillow')
VIDEO_LOOP = dict(type='VideoTestLoop')
OF_KINDS = dict(category=(60, 48), expression=(40, 32), box=(64, 48), mask=(50, 40))


def tested(*resizing, **more) -> dict:
    pipelines = [[dict(type='Load'), *steps] for steps in resizing]
    datasets = [dict(pipeline=pipeline) for pipeline in pipelines]
    return dict(test_dataloader=dict(dataset=dict(datasets=datasets)), **more)


# ------------------------------------------------------------------- what a config says


@pytest.mark.parametrize(
    'config',
    [
        {},
        dict(train_dataloader=dict(dataset=dict(pipeline=[RESIZE]))),
        tested(),
    ],
    ids=['nothing', 'training', 'no pipeline'],
)
def test_a_config_that_does_not_say(config):
    scales = InferenceScale(config)
    for find in (scales.for_images, scales.for_videos):
        with pytest.raises(ValueError, match='does not say at which size .* Pass the'):
            find()
    assert scales.to_config() == {}


def test_a_model_that_was_built():
    assert InferenceScale().for_images() == DEFAULT_SCALE
    assert InferenceScale().for_videos() == DEFAULT_SCALE


@pytest.mark.parametrize(
    ('config', 'image', 'video'),
    [
        (dict(inference_scale=[48, 64]), (64, 48), (64, 48)),
        (dict(inference_scale=None), None, None),
        (dict(inference_scale=dict(image=(9, 8), video=(7, 6))), (9, 8), (7, 6)),
        (dict(inference_scale=dict(image=(9, 8), video=OF_KINDS)), (9, 8), OF_KINDS),
        (tested([RESIZE], inference_scale=(9, 8)), (64, 32), (9, 8)),
        (
            tested([RESIZE], inference_scale=(9, 8), test_cfg=VIDEO_LOOP),
            (9, 8),
            (64, 32),
        ),
        (tested([RESIZE], [RESIZE], inference_scale=(9, 8)), (64, 32), (9, 8)),
        (tested([], inference_scale=(9, 8)), None, (9, 8)),
        (
            tested([RESIZE], [dict(RESIZE, scale=(5, 4))], inference_scale=(9, 8)),
            (9, 8),
            (9, 8),
        ),
    ],
    ids=[
        *('a size', 'as they are', 'two sizes', 'kinds', 'images tested'),
        *('videos tested', 'one size twice', 'not resized', 'several sizes'),
    ],
)
def test_what_a_config_says(config, image, video):
    scales = InferenceScale(config)
    assert scales.for_images() == image
    assert scales.for_videos() == video
    carried = InferenceScale(dict(inference_scale=scales.to_config()))
    assert (carried.for_images(), carried.for_videos()) == (image, video)


@pytest.mark.parametrize(
    ('config', 'message'),
    [
        (tested([RESIZE], [dict(RESIZE, scale=(5, 4))]), 'resized to several sizes'),
        (tested([dict(RESIZE, keep_ratio=False)]), 'Results would differ'),
        (tested([dict(RESIZE, backend='cv2')]), 'Results would differ'),
        (tested([dict(RESIZE, type='RandomChoiceResize')]), 'Results would differ'),
        (tested([RESIZE, RESIZE]), 'Results would differ'),
    ],
)
def test_test_data_that_the_inferencer_cannot_track(config, message):
    with pytest.raises(ValueError, match=message):
        InferenceScale(config).for_images()
    assert InferenceScale(config, (9, 8)).for_images() == (9, 8)


@pytest.mark.parametrize(
    ('said', 'message'),
    [
        ((9, 0), r'got \(9, 0\)'),
        (dict(frame=(9, 8)), r"image and video; got \['frame'\]"),
        (dict(video=dict(names=(9, 8))), 'for each of category, expression, box, mask'),
        (dict(video={**OF_KINDS, 'box': None}), 'each of category, expression, box'),
    ],
)
def test_sizes_that_are_none(said, message):
    with pytest.raises(ValueError, match=message):
        InferenceScale(dict(inference_scale=said))


@pytest.mark.parametrize(('given', 'expected'), [(None, None), ([6.0, 5], (6, 5))])
def test_a_size_that_is_given_is_that_of_all(given, expected):
    scales = InferenceScale(dict(inference_scale=dict(image=(9, 8))), given)
    assert scales.for_images() == scales.for_videos() == expected


@pytest.mark.parametrize('given', ['big', (4,), (0, 4), (1.5, 4), '12', ('a', 'b')])
def test_sizes_that_may_not_be_given(given):
    with pytest.raises(ValueError, match='scale must be'):
        checked_scale(given)


def test_sizes_of_our_configs():
    tiny = InferenceScale(
        Config.fromfile(config_path(MODEL_ZOO['uninext_tiny'].config))
    )
    assert tiny.for_images() == tiny.for_videos() == (320, 240)
    stage3 = InferenceScale(Config.fromfile(config_path('stage3_video')))
    assert stage3.for_images() == (1333, 800)
    assert set(stage3.for_videos()) == set(PROMPT_KINDS)


@pytest.mark.parametrize(
    ('name', 'kind'),
    [
        *(
            ('mot_bdd100k', 'category'),
            ('mots_bdd100k', 'category'),
            ('sot_lasot', 'box'),
        ),
        *(('vos_davis17', 'mask'), ('vos_ytvos18', 'mask'), ('sot_otb', 'box')),
        *(('rvos_refytvos', 'expression'), ('rvos_refdavis', 'expression')),
    ],
)
def test_stage_3_looks_at_videos_as_its_evaluations_do(name, kind):
    stage3 = InferenceScale(Config.fromfile(config_path('stage3_video')))
    config = Config.fromfile(config_path(f'uninext/eval/{name}'))
    dataset = config.test_dataloader.dataset
    dataset = dataset[0] if isinstance(dataset, list) else dataset
    pipeline = dataset.get('pipeline') or dataset.datasets[0].pipeline
    (resize,) = [step for step in pipeline if step.type == 'Resize']
    assert stage3.for_videos()[kind] == tuple(resize.scale)
    assert InferenceScale(config).for_videos() == tuple(resize.scale)


# --------------------------------------------------------- predict is the evaluation


@pytest.fixture(scope='module')
def root(tmp_path_factory) -> Path:
    """Images, and one video of each kind."""
    folder = tmp_path_factory.mktemp('shapes')
    generate_suite(folder, (1, 3), (1, 1), (80, 64), 3, report=lambda _: None)
    return folder


@pytest.fixture(scope='module')
def stage3(tmp_path_factory) -> tuple[Config, Path]:
    """A config that tests nothing, and weights: as of ``stage3_video.py``."""
    model = small_video_config(trackers=loops.UNSURE)
    scales = dict(image=(72, 56), video=OF_KINDS)
    torch.manual_seed(0)
    weights = tmp_path_factory.mktemp('weights') / 'weights.pth'
    torch.save(build(model).state_dict(), weights)
    return Config(dict(model=model, inference_scale=scales)), weights


def test_an_image_is_looked_at_as_in_its_test(root, stage3):
    config, weights = stage3
    dataset = Config.fromfile(config_path('od_shapes')).test_dataloader.dataset
    dataset.data_root = f'{root}/'
    (resize,) = [step for step in dataset.pipeline if step.type == 'Resize']
    resize.scale = config.inference_scale.image
    find = UninextInferencer(config, weights, device='cpu')
    images = DATASETS.build(dataset)
    for data in images:
        with torch.no_grad():
            (sample,) = find.model.test_step(pseudo_collate([data]))
        names = images.metainfo['classes']
        (result,) = find(sample.img_path, categories=names, score_thr=0)
        assert tuple(sample.img_shape) != tuple(sample.ori_shape)
        assert len(result) == len(sample.pred_instances) > 0
        assert_same(result, sample.pred_instances)


@pytest.mark.parametrize(
    ('task', 'kind'),
    [('mots', 'category'), ('rvos', 'expression'), ('sot', 'box'), ('vos', 'mask')],
)
def test_a_video_is_looked_at_as_in_its_test(task, kind, root, stage3):
    config, weights = stage3
    find = UninextInferencer(config, weights, device='cpu')
    assert find.scale.for_videos()[kind] == OF_KINDS[kind]
    evaluation = Config.fromfile(config_path(f'{task}_shapes'))
    evaluated = loops.by_the_loop(evaluation, find.model, root, OF_KINDS[kind])
    content = loops.content_of(task, root)
    given = [asked for _, asked in loops.prompts_at(task, content, 0)]
    (key,) = {key for one in given for key in one}
    values = [one[key] for one in given]
    asked = dict(
        categories=lambda: dict(categories=values[0]),
        expression=lambda: dict(expression=values),
        box=lambda: dict(box=values),
        mask=lambda: dict(mask=np.stack(values)),
    )[key]()
    files = [str(root / 'videos/val' / f) for f in content['videos'][0]['file_names']]
    results = find(files, **asked, score_thr=0, as_video=True)
    count = len(evaluated) // len(results)  # samples of a frame: one an expression
    for result, samples in zip(results, zip(*[iter(evaluated)] * count)):
        parts = [sample['pred_instances'] for sample in samples]
        keys = ('bboxes', 'scores', 'labels', 'masks')
        found = {k: torch.cat([p[k] for p in parts]) for k in keys if k in parts[0]}
        assert len(result) == len(found['scores']) > 0
        assert_same(result, found)


def assert_same(result, found) -> None:
    np.testing.assert_array_equal(result.label_ids, found['labels'])
    # expressions of a video are batched in its test: float noise, nothing more
    np.testing.assert_allclose(result.scores, found['scores'], atol=1e-6)
    np.testing.assert_allclose(result.boxes_xyxy, found['bboxes'], atol=1e-4)
    if result.masks is not None:
        assert (result.masks != found['masks'].numpy()).mean() < 1e-4


def test_what_is_asked_together_is_looked_at_in_the_largest_size(stage3):
    config, weights = stage3
    session = open_session(config, weights, device='cpu')
    sizes = []
    inner = session.step_sample
    session.step_sample = lambda image, sample: (
        sizes.append(tuple(image.shape[1:])) or inner(image, sample)
    )
    frame = np.zeros((64, 80, 3), np.uint8)
    session.step(frame)
    session.add(expression='a star')
    session.step(frame)
    (names,) = session.add(categories='star')
    with pytest.warns(UserWarning, match='one size, 60 x 48; .* expression: 40 x 32'):
        session.step(frame)
    session.step(frame)
    session.remove(names)
    session.step(frame)
    assert sizes[1:] == [(32, 40), (48, 60), (48, 60), (32, 40)]


def test_a_config_without_a_size_is_refused_before_anything_is_read(stage3):
    config, weights = stage3
    config = Config(dict(model=config.model))
    find = UninextInferencer(config, weights, device='cpu')
    image = np.zeros((64, 80, 3), np.uint8)
    for asked in (dict(source=image), dict(source=[image], as_video=True)):
        with pytest.raises(ValueError, match='does not say at which size'):
            find(**asked, expression='a star')
    with pytest.raises(ValueError, match='does not say at which size'):
        find.track(expression='a star')
    with pytest.raises(ValueError, match='does not say at which size'):
        open_session(config, weights)
    find = UninextInferencer(config, weights, device='cpu', scale=None)
    assert len(find(image, expression='a star')) == 1
