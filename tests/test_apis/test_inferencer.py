"""The front door, with rectangles found by their colour and with the small network."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from PIL import Image
from torch import nn

from helpers.painted_inferencer import (
    GREEN,
    RED,
    STEP,
    PaintedImages,
    PaintedVideos,
    moved,
    movie,
)
from helpers.painted_world import HEIGHT, WIDTH, box_mask, frame, painted
from helpers.small_uninext import build, small_config, small_video_config
from uninext.apis import UninextInferencer, to_mot_lines, to_youtube_vis
from uninext.checkpoint.thresholds import store_thresholds
from uninext.structures import Prompt, UninextDataSample


@pytest.fixture
def scene() -> np.ndarray:
    return frame(red=RED, green=GREEN)


# --------------------------------------------------------------------- nothing to find


def test_nothing_is_asked_for(find, scene):
    with pytest.raises(ValueError, match="Pass categories='person, car'"):
        find(scene)


def test_nothing_there(find):
    (result,) = find(frame(), categories='red, green')
    assert len(result) == 0
    assert result.masks.shape == (0, HEIGHT, WIDTH)
    assert result.track_ids is None
    assert result.plot().shape == (HEIGHT, WIDTH, 3)


@pytest.mark.parametrize('empty', ['', ' ,', [], ['red', ' ']])
def test_empty_names(find, scene, empty):
    with pytest.raises(ValueError, match='empty'):
        find(scene, categories=empty)


# ---------------------------------------------------------------------------- images


@pytest.mark.parametrize('names', ['red, green', ['red', 'green'], ('red', 'green')])
def test_categories(find, scene, names):
    (result,) = find(scene, categories=names)
    assert sorted(result.labels) == ['green', 'red']
    assert set(result.prompt_texts) == {'red, green'}
    i = result.labels.index('red')
    assert result.boxes_xyxy[i].tolist() == list(RED)
    assert np.array_equal(result.masks[i], painted(RED).numpy())
    assert result.scores[i] == pytest.approx(0.9)


@pytest.mark.parametrize('names', ['red,, green, RED', ['red', 'green', 'Red']])
def test_a_name_that_is_given_twice_is_asked_once(find, scene, names):
    with pytest.warns(UserWarning, match='asked for once: red'):
        (result,) = find(scene, categories=names)
    assert sorted(result.labels) == ['green', 'red']
    assert result.prompts[0].names == ('red', 'green')


@pytest.mark.parametrize('wrong', [2, -1, float('nan'), '0.5', [0.3], True])
def test_thresholds_that_are_none_are_refused(find, scene, wrong):
    with pytest.raises(ValueError, match=r'score_thr must be a number in 0\.\.1, got'):
        find(scene, categories='red', score_thr=wrong)
    tracking = find.track(categories='red')
    with pytest.raises(ValueError, match=r'score_thr must be a number in 0\.\.1, got'):
        tracking.step(scene, score_thr=wrong)
    for right in (0, 1, np.float32(0.5)):
        assert len(find(scene, categories='red', score_thr=right)) == 1
    assert tracking.step(scene, score_thr=0.5).frame == 0


def test_everything_at_once_in_one_pass_of_the_backbone(find, scene):
    mask = box_mask(RED).numpy()
    (result,) = find(
        scene,
        categories='red, green',
        expression=['the green one on the left', 'some red'],
        box=[GREEN, RED],
        mask=mask,
    )
    assert find.model.num_features == 1
    asked = [prompt.text for prompt in result.prompts]
    assert asked == [
        'red, green',
        'the green one on the left',
        'some red',
        'box (64, 16, 104, 56)',
        'box (8, 8, 40, 40)',
        'mask',
    ]
    assert result.prompt_ids.tolist() == [0, 0, 1, 2, 3, 4, 5]
    assert result.labels[4:] == ['target'] * 3
    for i, box in enumerate((GREEN, RED, GREEN, RED, RED), start=2):
        assert result.boxes_xyxy[i].tolist() == list(box)
        assert np.array_equal(result.masks[i], painted(box).numpy())


def test_one_thing_has_its_best_answer_whatever_its_score(find, scene):
    (result,) = find(scene, expression='purple', categories='pink')
    assert result.prompt_texts == ['purple']
    assert result.scores[0] < 0.1
    (result,) = find(scene, categories='pink', score_thr=0.01)
    assert len(result) > 0


def test_a_box_of_every_image(find):
    images = [frame(red=RED), frame(green=RED)]
    for result in find(images, box=RED):
        assert result.boxes_xyxy.tolist() == [list(RED)]
        assert result.scores[0] == pytest.approx(0.9)


def test_names_that_are_asked_in_parts(scene):
    find = UninextInferencer(PaintedVideos(max_categories=1), scale=None)
    (result,) = find(scene, categories='blue, red, green', batch_size=3)
    assert sorted(result.labels) == ['green', 'red']
    assert sorted(result.label_ids.tolist()) == [1, 2]
    assert {len(mask) for mask in result.masks} == {HEIGHT}


def test_model_without_masks(scene):
    find = UninextInferencer(PaintedVideos(with_masks=False), scale=None)
    (result,) = find(scene, categories='red', box=GREEN)
    assert len(result) == 2
    assert result.masks is None


def test_images_are_resized(scene):
    find = UninextInferencer(PaintedVideos(), scale=(64, 64))
    (result,) = find(scene, categories='red', box=GREEN)
    assert result.masks.shape == (2, HEIGHT, WIDTH)
    assert np.abs(result.boxes_xyxy - [RED, GREEN]).max() <= 2


@pytest.mark.parametrize(
    ('wrong', 'message'),
    [
        (dict(box=[200, 0, 240, 9]), 'outside its frame'),
        (dict(mask=np.ones((4, 4), bool)), '4x4 pixels'),
        (dict(mask=np.zeros((HEIGHT, WIDTH), bool)), 'empty'),
        (dict(expression=['red', 7]), 'must be a string'),
        (dict(categories='red', batch_size=0), 'whole number from 1, got 0'),
        (dict(categories='red', batch_size=True), 'whole number from 1, got True'),
        (dict(categories='red', batch_size='2'), "whole number from 1, got '2'"),
    ],
)
def test_wrong_prompts(find, scene, wrong, message):
    with pytest.raises(ValueError, match=message):
        find(scene, **wrong)


def test_numbers_of_numpy_are_numbers(find, scene):
    given = dict(batch_size=np.int64(2), score_thr=np.float32(0.3))
    assert len(find([scene, scene], categories='red', **given)) == 2


def test_kind_without_tracker(find, scene):
    del find.model.trackers['mask']
    with pytest.raises(ValueError, match="no tracker for 'mask'"):
        find(scene, mask=box_mask(RED))


# ----------------------------------------------------------------------------- sources


def test_forms_of_one_image(find, scene, tmp_path):
    path = tmp_path / 'a.png'
    cv2.imwrite(str(path), scene)
    opened = Image.open(path)
    own = Image.fromarray(np.ascontiguousarray(scene[..., ::-1]))
    files = (str(path), path, opened)
    for source in (*files, scene, own, opened.convert('RGBA')):
        (result,) = find(source, categories='red')
        assert result.boxes_xyxy.tolist() == [list(RED)]
        assert np.array_equal(result.image, scene)
        assert (result.path == str(path)) == any(source is file for file in files)


def test_rotated_photographs_are_turned(find, scene, tmp_path):
    path = tmp_path / 'a.png'
    image = Image.fromarray(np.ascontiguousarray(scene[..., ::-1]))
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held upright
    image.save(path, exif=exif)
    (result,) = find(Image.open(path), categories='red')
    assert result.image.shape == (WIDTH, HEIGHT, 3)


def test_forms_of_several_images(find, folder):
    names = [str(folder / f'{i:03d}.png') for i in range(4)]
    pattern = str(folder / '*.png')
    for source in (folder, str(folder), pattern, names, [pattern], tuple(names)):
        results = find(source, categories='red')
        assert [result.path for result in results] == names
        left = [result.boxes_xyxy[0, 0] for result in results]
        assert left == [RED[0] + STEP * i for i in range(4)]
    results = find([movie(1)[0], folder], categories='red')
    assert len(results) == 5


def test_frames_come_in_the_order_of_their_numbers(find, tmp_path):
    for i in (0, 1, 2, 10, 11):
        cv2.imwrite(str(tmp_path / f'{i}.png'), frame(red=moved(RED, i)))
    for source in (tmp_path, str(tmp_path / '*.png')):
        results = find(source, box=RED, as_video=True)
        assert [Path(r.path).stem for r in results] == ['0', '1', '2', '10', '11']


@pytest.mark.parametrize(
    ('source', 'message'),
    [
        ([], 'list of images is empty'),
        ('nowhere.jpg', r'no file or folder nowhere\.jpg'),
        ('no*where.jpg', 'No image fits'),
        (True, 'True is no image'),
        (b'\xff\xd8', 'bytes is no image'),
        (None, 'NoneType is no image'),
        (torch.zeros(3, 8, 8), 'Tensor is no image'),
        (np.zeros((4, 8, 8, 3), np.uint8), r'\(height, width, 3\)'),
        (np.zeros((8, 8, 3)), 'uint8'),
        ([0], 'once for every video'),
        (['rtsp://camera'], 'once for every video'),
        (0, 'stream=True'),
        ('rtsp://camera', 'stream=True'),
    ],
)
def test_wrong_sources(find, source, message):
    with pytest.raises(ValueError, match=message):
        find(source, categories='red')


def test_an_empty_folder_and_a_list_of_videos(find, tmp_path, video_file):
    (tmp_path / 'empty').mkdir()
    for source, message in (
        (tmp_path / 'empty', 'holds no image'),
        ([video_file], 'once for every video'),
    ):
        with pytest.raises(ValueError, match=message):
            find(source, categories='red')


def test_a_camera_is_read_while_somebody_looks(find, monkeypatch):
    read = []

    def frames(source):
        for one in movie(99):
            read.append(source)
            yield one, None

    monkeypatch.setattr('uninext.apis.sources.read_timed_frames', frames)
    results = find(0, categories='red', stream=True)
    assert read == []
    assert next(results).frame == 0
    assert next(results).frame == 1
    results.close()
    assert read == [0, 0]


# ------------------------------------------------------------------------------ videos


def test_a_video_is_tracked(find, video_file):
    results = find(
        video_file, categories='red, blue', expression='a green one', box=RED
    )
    assert [result.frame for result in results] == [0, 1, 2, 3]
    for i, result in enumerate(results):
        assert sorted(result.labels) == ['a green one', 'blue', 'red', 'target']
        boxes = dict(zip(result.labels, result.boxes_xyxy.tolist()))
        assert boxes['red'] == boxes['target'] == list(moved(RED, i))
        assert boxes['a green one'] == list(moved(GREEN, i))
        ids = dict(zip(result.labels, result.track_ids.tolist()))
        assert len(set(ids.values())) == 4
        assert ids == dict(zip(results[0].labels, results[0].track_ids.tolist()))
    assert len(to_mot_lines(results)) == 16
    records = to_youtube_vis(results)
    assert sorted(r['category_id'] for r in records) == [1, 2, 3, 4]
    assert all(len(r['segmentations']) == 4 for r in records)


def test_a_stream_gives_the_same_as_a_list(find, video_file):
    listed = find(video_file, mask=box_mask(GREEN))
    streamed = find(video_file, mask=box_mask(GREEN), stream=True)
    assert [one.to_dict() for one in streamed] == [one.to_dict() for one in listed]


def test_wrong_prompts_of_a_stream_are_found_at_once(find, video_file):
    with pytest.raises(ValueError, match='Nothing is asked for'):
        find(video_file, stream=True)


def test_images_as_a_video_and_a_video_as_images(find, folder, video_file):
    for source in (folder, movie()):
        results = find(source, box=RED, as_video=True)
        assert results[-1].boxes_xyxy.tolist() == [list(moved(RED, 3))]
        assert results[-1].frame == 3
    results = find(video_file, categories='red', as_video=False)
    assert [len(result) for result in results] == [1] * 4
    assert results[0].track_ids is None


def test_image_models_do_text_in_images(scene, folder, video_file):
    find = UninextInferencer(PaintedImages(), scale=None)
    assert len(find(scene, categories='red', expression='a green one')[0]) == 2
    assert len(find(video_file, categories='red', as_video=False)) == 4
    with pytest.raises(ValueError, match='Boxes and masks as prompts need a UNINEXTV'):
        find(scene, box=RED)
    for source, as_video in ((video_file, None), (folder, True)):
        with pytest.raises(ValueError, match='Videos need a UNINEXTVideo'):
            find(source, categories='red', as_video=as_video)


# -------------------------------------------------------------- frames that are in hand


def test_frames_in_hand_are_answered_as_a_video_is(find, video_file):
    asked = dict(categories='red', box=RED)
    video = find(video_file, **asked, score_thr=0.2)
    tracking, other = find.track(**asked), find.track(categories='green')
    for image, wanted in zip(movie(), video):
        result = tracking.step(image, score_thr=0.2)
        assert len(result) == 2
        assert result.to_dict() == dict(wanted.to_dict(), time=None)
        assert other.step(image).frame == wanted.frame  # several at a time


def test_nothing_to_track_or_nobody_who_can(find):
    with pytest.raises(ValueError, match='Nothing is asked for'):
        find.track()
    with pytest.raises(ValueError, match='Videos need a UNINEXTVideo'):
        UninextInferencer(PaintedImages(), scale=None).track(categories='red')


# ---------------------------------------------------------------------------- progress


def test_progress_is_shown_when_asked(find, video_file, folder, capsys):
    find(video_file, categories='red')
    assert capsys.readouterr() == ('', '')
    find(video_file, categories='red', progress=True)
    assert '4/4' in capsys.readouterr().err
    find(folder, categories='red', progress=True)
    out, err = capsys.readouterr()
    assert '4/4' in err
    assert out == ''


# ------------------------------------------------------------------------ real networks


@pytest.fixture(scope='module')
def image_model() -> nn.Module:
    torch.manual_seed(0)
    return build(small_config()).eval()


@pytest.fixture(scope='module')
def video_model() -> nn.Module:
    torch.manual_seed(0)
    return build(small_video_config()).eval()


@pytest.fixture
def noise() -> list[np.ndarray]:
    return list(np.random.default_rng(0).integers(0, 256, (3, 48, 64, 3), np.uint8))


def assert_close(one, other):
    assert one.labels == other.labels
    np.testing.assert_allclose(one.scores, other.scores, atol=1e-5)
    np.testing.assert_allclose(one.boxes_xyxy, other.boxes_xyxy, atol=1e-3)
    assert (one.masks != other.masks).mean() < 1e-4


def test_the_network_answers_as_in_its_own_prediction(image_model, noise):
    find = UninextInferencer(image_model, scale=None)
    names, expression = ['dog', 'traffic light'], 'the man'
    (result,) = find(noise[0], categories=names, expression=expression, score_thr=0)
    prompts = Prompt.from_categories(names), Prompt.from_expression(expression)
    for i, prompt in enumerate(prompts):
        sample = UninextDataSample(
            prompt=prompt, metainfo=dict(img_shape=(48, 64), ori_shape=(48, 64))
        )
        image = torch.from_numpy(noise[0]).permute(2, 0, 1)
        with torch.no_grad():
            (sample,) = image_model.test_step(
                dict(inputs=[image], data_samples=[sample])
            )
        expected, mine = sample.pred_instances, result.prompt_ids == i
        assert mine.sum() == len(expected) > 0
        np.testing.assert_allclose(result.scores[mine], expected.scores, atol=1e-5)
        np.testing.assert_allclose(result.boxes_xyxy[mine], expected.bboxes, atol=1e-3)
        assert result.label_ids[mine].tolist() == expected.labels.tolist()
        assert np.array_equal(result.masks[mine], expected.masks)


def test_what_cannot_be_understood_is_told(video_model, noise):
    find = UninextInferencer(video_model, scale=None)
    long = 'the red star ' * 800
    asked = dict(categories=['star', '\u0e01\u0e02'], expression=['the man', long])
    remarks = find.remarks(**asked)
    assert len(remarks) == 2
    assert "knows no word of '\u0e01\u0e02'" in remarks[0]
    assert 'Only the first 254 of the 2400 words' in remarks[1]
    with pytest.warns(UserWarning) as caught:
        find(noise[0], **asked)
    assert {str(one.message) for one in caught} >= set(remarks)


def test_the_batch_size_changes_no_answer_where_sizes_differ(video_model):
    draw = np.random.default_rng(1)
    sizes = [(48, 64), (40, 64), (64, 48), (48, 64), (33, 60), (64, 48), (48, 64)]
    images = [draw.integers(0, 256, (*size, 3), np.uint8) for size in sizes]
    find = UninextInferencer(video_model, scale=(64, 48))
    asked = dict(categories='dog, cat', expression='the man', box=[4, 8, 30, 40])
    alone = find(images, **asked, score_thr=0)
    for batch_size in (2, 8):
        together = find(images, **asked, score_thr=0, batch_size=batch_size)
        for one, other in zip(alone, together):
            assert np.array_equal(one.image, other.image)
            assert other.masks.shape[1:] == other.image.shape[:2]
            assert one.prompt_ids.tolist() == other.prompt_ids.tolist()
            assert_close(one, other)


def test_the_network_follows_as_its_session_does(video_model, noise):
    find = UninextInferencer(video_model, scale=None)
    results = find(noise, expression='the man', box=[4, 8, 30, 40], as_video=True)
    session = video_model.open(scale=None)
    session.add(expression='the man')
    session.add(box=[4, 8, 30, 40])
    for image, result in zip(noise, results):
        found = session.step(image).pred_instances
        assert np.array_equal(result.boxes_xyxy, found.bboxes)
        assert np.array_equal(result.masks, found.masks)
        assert result.track_ids.tolist() == found.instances_ids.tolist()


# ----------------------------------------------------------------------------- opening


def test_config_and_checkpoint(image_model, noise, tmp_path):
    weights = tmp_path / 'weights.pth'
    torch.save(dict(state_dict=image_model.state_dict()), weights)
    path = tmp_path / 'config.py'
    config = Config(dict(model=small_config()))
    config.dump(path)
    asked = dict(source=noise[0], expression='the man')
    expected = UninextInferencer(image_model, scale=None)(**asked)
    for model in (config, path, build(small_config())):
        find = UninextInferencer(model, weights, device='cpu', scale=None)
        assert not find.model.training
        assert_close(find(**asked)[0], expected[0])


def test_auto_takes_the_cpu_where_there_is_nothing_else(
    image_model, tmp_path, monkeypatch
):
    monkeypatch.setattr('uninext.apis.devices.has_accelerator', lambda: False)
    weights = tmp_path / 'weights.pth'
    torch.save(image_model.state_dict(), weights)
    find = UninextInferencer(Config(dict(model=small_config())), weights)
    assert find.model.level_embed.device.type == 'cpu'
    assert find.thresholds == {}


def test_thresholds_come_with_the_checkpoint(image_model, tmp_path):
    weights = tmp_path / 'weights.pth'
    torch.save(image_model.state_dict(), weights)
    store_thresholds(weights, weights, dict(expression=0.5))
    find = UninextInferencer(Config(dict(model=small_config())), weights, 'cpu')
    assert find.thresholds == dict(expression=0.5)


@pytest.mark.parametrize(
    ('model', 'message'),
    [
        ('weights.pth', "There is no checkpoint 'weights.pth'"),
        ('nowhere.py', r"There is no model 'nowhere\.py'"),
        (Config({}), 'the config has None'),
        (Config(dict(model=dict(type='DINO'))), "the config has 'DINO'"),
        (Config(dict(model=dict(type='UNINEXT'))), 'pass checkpoint='),
        (nn.Linear(1, 1), 'got Linear'),
    ],
)
def test_wrong_models(model, message):
    with pytest.raises(ValueError, match=message):
        UninextInferencer(model)


@pytest.mark.parametrize('shape', [(48, 64), (48, 64, 1), (48, 64, 4)])
def test_grey_and_alpha_are_taken_in_hand_as_from_files(video_model, shape):
    find = UninextInferencer(video_model, device='cpu', scale=(64, 48))
    image = np.random.default_rng(0).integers(0, 255, shape, dtype=np.uint8)
    frame = image[..., :3] if shape[-1] == 4 else image.reshape(48, 64, 1)
    frame = np.ascontiguousarray(np.broadcast_to(frame, (48, 64, 3)))
    given, same = (
        find.track(categories='star').step(of, score_thr=0.0) for of in (image, frame)
    )
    assert (given.image == frame).all()
    assert (given.scores == same.scores).all()
