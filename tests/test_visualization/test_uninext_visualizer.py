from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import mmcv
import numpy as np
import pytest
import torch
from mmdet.engine.hooks import DetVisualizationHook
from mmdet.structures.bbox import HorizontalBoxes
from mmdet.structures.mask import BitmapMasks
from mmengine.structures import InstanceData
from mmengine.visualization import Visualizer

from uninext.registry import VISUALIZERS
from uninext.structures import Prompt, Template, UninextDataSample, VisualPrompt
from uninext.visualization import UninextVisualizer
from uninext.visualization.uninext_visualizer import _Asked

SIZE = (80, 120)


@pytest.fixture
def visualizer() -> UninextVisualizer:
    return UninextVisualizer()


def make_sample(scores=(0.9, 0.1), expression: str | None = None) -> UninextDataSample:
    sample = UninextDataSample(metainfo=dict(img_id=7))
    if expression:
        sample.prompt = Prompt.from_expression(expression)
    else:
        sample.prompt = Prompt.from_categories(['cat', 'dog'])
    boxes = torch.tensor([[10.0, 30, 50, 70], [60, 30, 110, 70]])[: len(scores)]
    masks = torch.zeros(len(boxes), *SIZE, dtype=torch.bool)
    for mask, box in zip(masks, boxes.int().tolist()):
        mask[box[1] : box[3], box[0] : box[2]] = True
    labels = torch.zeros(len(boxes)).long() if expression else torch.arange(len(boxes))
    sample.pred_instances = InstanceData(
        bboxes=boxes, labels=labels, scores=torch.tensor(scores), masks=masks
    )
    return sample


def draw(visualizer, sample, **kwargs) -> np.ndarray:
    visualizer.add_datasample('x', np.zeros((*SIZE, 3), np.uint8), sample, **kwargs)
    return visualizer.get_image()


def test_no_sample_and_no_predictions_leave_the_image(visualizer):
    assert draw(visualizer, None).shape == (*SIZE, 3)
    assert not draw(visualizer, None).any()
    sample = make_sample(scores=())
    assert not draw(visualizer, sample).any()


def test_predictions_below_the_threshold_are_left_out(visualizer):
    drawn = draw(visualizer, make_sample())
    assert drawn[:, :55].any()
    assert not drawn[:, 60:].any()
    assert draw(visualizer, make_sample(), pred_score_thr=0.05)[:, 60:].any()


def test_an_expression_stands_above_and_its_best_answer_is_drawn(visualizer):
    sample = make_sample(scores=(0.05, 0.1), expression='the dog on the right')
    drawn = draw(visualizer, sample)
    bar = drawn.shape[0] - SIZE[0]
    assert bar > 0
    assert not drawn[bar:, :45].any()
    assert drawn[bar:, 60:].any()


def test_ground_truth_stands_beside_predictions(visualizer):
    sample = make_sample()
    sample.gt_instances = InstanceData(
        bboxes=HorizontalBoxes(torch.tensor([[10.0, 30, 50, 70]])),
        labels=torch.tensor([0]),
        masks=BitmapMasks(sample.pred_instances.masks[:1].numpy(), *SIZE),
    )
    drawn = draw(visualizer, sample)
    assert drawn.shape[1] == 2 * SIZE[1]
    left, right = drawn[-SIZE[0] :, : SIZE[1]], drawn[-SIZE[0] :, SIZE[1] :]
    np.testing.assert_array_equal(left[40:65, 15:45], right[40:65, 15:45])
    assert draw(visualizer, sample, draw_gt=False).shape == (*SIZE, 3)


def test_labels_are_words_of_the_prompt_else_of_the_dataset(visualizer):
    def texts(prompt=None, sample=None, **meta):
        sample = sample or make_sample()
        asking = UninextDataSample(metainfo=meta)
        if prompt is not None:
            asking.prompt = prompt
        return visualizer._label_texts(sample.pred_instances, _Asked.of(asking))

    names = Prompt.from_categories(['cat', 'dog'])
    assert texts(names) == ['cat 0.90', 'dog 0.10']
    assert texts()[1] == 'class 1 0.10'
    visualizer.dataset_meta = dict(classes=('ape', 'bee'))
    assert texts()[1] == 'bee 0.10'
    assert texts(Prompt.from_expression('a cat'), make_sample((0.9,))) == ['0.90']
    assert texts(expression='a cat', sample=make_sample((0.9,))) == ['0.90']
    sample = make_sample()
    sample.pred_instances.instances_ids = torch.tensor([4, 9])
    assert texts(names, sample) == ['#4 cat 0.90', '#9 dog 0.10']


def test_a_shown_target_is_named(visualizer):
    template = Template.from_frame(
        torch.zeros(3, 40, 40), torch.tensor([10.0, 10, 30, 30]), size=32
    )
    sample = UninextDataSample(prompt=VisualPrompt((template,)))
    assert _Asked.of(sample) == (('target',), '')


@pytest.mark.parametrize('field', ['instances_ids', 'instances_id'])
def test_colours_follow_track_ids_where_there_are_some(visualizer, field):
    plain = draw(visualizer, make_sample(scores=(0.9,)))[50, 30].tolist()
    sample = make_sample(scores=(0.9,))
    sample.pred_instances.set_field(torch.tensor([5]), field)
    assert draw(visualizer, sample)[50, 30].tolist() != plain
    assert draw(visualizer, make_sample(scores=(0.9,)))[50, 30].tolist() == plain


def test_frames_of_videos_are_kept_apart(visualizer, tmp_path: Path):
    for video in ('a/b', 'c'):
        for expression in ('', 'my dog'):
            sample = make_sample()
            del sample.prompt
            sample.set_metainfo(dict(video_name=video, expression=expression or None))
            draw(visualizer, sample, out_file=str(tmp_path / '00000.jpg'))
    written = sorted(str(p.relative_to(tmp_path)) for p in tmp_path.rglob('*.jpg'))
    assert written == [
        'a-b/00000.jpg',
        'a-b/00000_7_my-dog.jpg',
        'c/00000.jpg',
        'c/00000_7_my-dog.jpg',
    ]


def test_masks_alone_and_boxes_alone_are_drawn(visualizer):
    sample = make_sample(scores=(0.9,))
    del sample.pred_instances.masks
    boxed = draw(visualizer, sample)
    assert boxed[30, 20].any()
    assert not boxed[50, 30].any()
    sample = make_sample(scores=(0.9,))
    del sample.pred_instances.bboxes
    assert draw(visualizer, sample)[50, 30].any()
    del sample.pred_instances.masks
    with pytest.raises(ValueError, match='neither bboxes nor masks'):
        draw(visualizer, sample)


def test_several_expressions_about_an_image_get_files_of_their_own(
    visualizer, tmp_path: Path
):
    for expression in ('A dog?', 'my dog', 'very ' * 30 + 'big', 'very ' * 30 + 'tall'):
        sample = make_sample(expression=expression)
        draw(visualizer, sample, out_file=str(tmp_path / 'a.jpg'))
    draw(visualizer, make_sample(), out_file=str(tmp_path / 'b.jpg'))
    names = sorted(path.name for path in tmp_path.iterdir())
    assert len(names) == 5
    assert 'a_7_a-dog.jpg' in names
    assert 'b.jpg' in names


def test_the_hook_of_mmdet_drives_it(tmp_path: Path):
    mmcv.imwrite(np.zeros((*SIZE, 3), np.uint8), str(tmp_path / 'in.png'))
    VISUALIZERS.build(dict(type='UninextVisualizer', name='hooked'))
    assert isinstance(Visualizer.get_current_instance(), UninextVisualizer)
    hook = DetVisualizationHook(draw=True, test_out_dir='seen')
    runner = SimpleNamespace(work_dir=str(tmp_path), timestamp='now')
    sample = make_sample()
    sample.set_metainfo(dict(img_path=str(tmp_path / 'in.png')))
    hook.after_test_iter(runner, 0, {}, [sample])
    assert (tmp_path / 'now/seen/in.png').is_file()


def test_backends_get_the_drawn_image(tmp_path: Path):
    visualizer = UninextVisualizer(
        vis_backends=[dict(type='LocalVisBackend')], save_dir=str(tmp_path)
    )
    draw(visualizer, make_sample(), step=3)
    assert [path.name for path in tmp_path.rglob('*.png')] == ['x_3.png']


def validate(visualizer_cfg: dict, tmp_path: Path) -> np.ndarray:
    """What training does with a validation image, by mmdet's hook."""
    mmcv.imwrite(np.zeros((*SIZE, 3), np.uint8), str(tmp_path / 'in.png'))
    visualizer = VISUALIZERS.build(
        dict(type='UninextVisualizer', save_dir=str(tmp_path), **visualizer_cfg)
    )
    hook = DetVisualizationHook(draw=True, interval=1)
    sample = make_sample()
    sample.set_metainfo(dict(img_path=str(tmp_path / 'in.png')))
    hook.after_val_iter(SimpleNamespace(iter=40), 2, {}, [sample])
    return visualizer.get_image()


def test_tensorboard_shows_the_image_in_training(tmp_path: Path):
    accumulator = pytest.importorskip(
        'tensorboard.backend.event_processing.event_accumulator'
    )
    drawn = validate(
        dict(name='board', vis_backends=[dict(type='TensorboardVisBackend')]), tmp_path
    )
    Visualizer.get_instance('board').close()
    events = accumulator.EventAccumulator(str(next(tmp_path.rglob('*tfevents*'))))
    events.Reload()
    assert events.Tags()['images'] == ['val_img']
    (event,) = events.Images('val_img')
    assert event.step == 42
    shown = mmcv.imfrombytes(event.encoded_image_string, channel_order='rgb')
    np.testing.assert_array_equal(shown, drawn)
    assert drawn.any()


def test_wandb_gets_the_image_in_training(tmp_path: Path, monkeypatch):
    logged = []
    run = SimpleNamespace(
        log=lambda values, commit=True: logged.append(values),
        finish=lambda: None,
        config=SimpleNamespace(update=lambda *a, **k: None),
    )
    fake = ModuleType('wandb')
    fake.init = lambda **kwargs: run
    fake.Image = lambda image: image
    fake.log, fake.join, fake.run = run.log, run.finish, run
    monkeypatch.setitem(sys.modules, 'wandb', fake)
    drawn = validate(
        dict(name='bees', vis_backends=[dict(type='WandbVisBackend')]), tmp_path
    )
    (values,) = logged
    np.testing.assert_array_equal(values['val_img'], drawn)


def test_a_window_is_opened_where_it_is_asked_for(visualizer, monkeypatch):
    shown = []
    monkeypatch.setattr(visualizer, 'show', lambda *a, **k: shown.append((a, k)))
    drawn = draw(visualizer, make_sample(), show=True, wait_time=2)
    ((image,), options) = shown[0]
    np.testing.assert_array_equal(image, drawn)
    assert options == dict(win_name='x', wait_time=2)


def test_mmengines_own_drawing_still_works(visualizer):
    draw(visualizer, make_sample())
    visualizer.set_image(np.zeros((*SIZE, 3), np.uint8))
    visualizer.draw_bboxes(torch.tensor([[5.0, 5, 20, 20]]), edge_colors='r')
    assert visualizer.get_image().any()


def test_alpha_is_an_opacity():
    with pytest.raises(ValueError, match='alpha'):
        UninextVisualizer(alpha=2)
