"""``check_parity.py video``: what a model finds in videos, against what is stored.

Here the model's own results are stored as the published ones are, from plain sessions;
the published ones themselves where they and their frames are.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from uninext.models.trackers import (
    ExpressionTracker,
    PromptQuasiDenseTracker,
    TemplateTracker,
    VideoInstanceTracker,
    VideoSession,
)
from uninext.registry import MODELS
from uninext.structures import Template
from uninext.testing import parity_run, video_numbers
from uninext.testing.parity_video import compare_video
from uninext.testing.proposal_order import ProposalOrder
from uninext.testing.stored_numbers import Comparison
from uninext.testing.video_numbers import SharpenedModel, VideoNumbers

CONFIGS = Path(__file__).resolve().parents[2] / 'configs'
FRAME_HW, SHORT, NUM_FRAMES = (80, 100), 64, 3
NAMES, EXPRESSIONS = ['dog', 'red kite'], ['the dog', 'a kite on the left']
BOX = [20.0, 10.0, 60.0, 50.0]
MERGE = dict(type='SoftAggregation', blank_score_thr=0.0)


@pytest.fixture(scope='module')
def model(video_model):
    return video_model


class Loaded:
    """Stands for :class:`SharpenedModel`; notes which weights are asked for."""

    def __init__(self, model):
        self.model, self.for_tracking = model, []

    def load(self, for_tracking):
        self.for_tracking.append(for_tracking)
        return self.model


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """Frames that are larger than what is cut out of them."""
    folder, rng = tmp_path_factory.mktemp('frames'), np.random.default_rng(0)
    for i in range(NUM_FRAMES):
        image = rng.integers(0, 255, (FRAME_HW[0] + 7, FRAME_HW[1] + 9, 3), np.uint8)
        Image.fromarray(image).save(folder / f'{i}.png')
    return folder


def frames(folder):
    for i in range(NUM_FRAMES):
        image = np.asarray(Image.open(folder / f'{i}.png'))
        yield np.ascontiguousarray(image[: FRAME_HW[0], : FRAME_HW[1], ::-1])


def bits(masks) -> np.ndarray:
    return np.packbits(np.asarray(masks).reshape(len(masks), -1), axis=1)


def shown_masks() -> np.ndarray:
    masks = np.zeros((2, *FRAME_HW), bool)
    masks[0, 11:41, 9:33] = True
    masks[1, 30:71, 50:94] = True
    return masks


def of_templates(model, task, templates) -> dict[str, np.ndarray]:
    """As stored: number of the frame -> template, in the order of cutting."""
    arrays = {f'{task}/templates/frame': np.array([frame for frame, _ in templates])}
    for k, (_, template) in enumerate(templates):
        crop = model.data_preprocessor.template_inputs([template])[0]
        at = f'{task}/templates/{k}'
        arrays[f'{at}/values'] = crop.reshape(-1)[::7].numpy()
        arrays[f'{at}/step'] = np.array(7)
        arrays[f'{at}/padding'] = np.packbits((template.padding > 0).numpy())
    mean, std = (
        torch.tensor(values)[:, None, None]
        for values in ([123.675, 116.28, 103.53], [58.395, 57.12, 57.375])
    )
    crop = model.data_preprocessor.template_inputs([templates[0][1]])[0]
    pixels = torch.cat([crop[:3] * std + mean, crop[3:] * 255]).round()
    arrays[f'{task}/templates/0/crop_uint8'] = pixels.byte().numpy()
    return arrays


def new_templates(session, known) -> list[Template]:
    found = []
    for which in ('first', 'latest'):
        for state in session.state_dict()['prompts'].values():
            template = state['memory'][which]
            if template and not any(template['image'] is k for k in known):
                known.append(template['image'])
                found.append(Template(**template))
    return found


def stored_sot(model, folder) -> dict[str, np.ndarray]:
    update = dict(type='PeriodicTemplateUpdate', interval=2, min_score=0.0)
    session = VideoSession(
        model, dict(box=TemplateTracker(update, with_masks=False)), (1333, SHORT)
    )
    session.add(box=BOX)
    arrays = {
        'init_box_xyxy': np.array(BOX),
        'update_interval': np.array(2),
        'update_threshold': np.array(0.0),
    }
    templates, known = [], []
    for i, image in enumerate(frames(folder)):
        found = session.step(image).pred_instances
        arrays[f'frame{i}/boxes_xyxy'] = found.bboxes.double().numpy()
        arrays[f'frame{i}/scores'] = found.scores.double().numpy()
        templates += [(i, template) for template in new_templates(session, known)]
    arrays = {f'sot/{name}': value for name, value in arrays.items()}
    return arrays | of_templates(model, 'sot', templates)


def stored_vos(model, folder, task='vos_davis') -> dict[str, np.ndarray]:
    """Both targets are shown in frame 0 and asked for there by another session."""
    update = dict(type='ConfidentTemplateUpdate', min_score=0.0)
    tracker = TemplateTracker(update, MERGE, shown_mask='round_trip')
    session = VideoSession(model, dict(mask=tracker), (1333, SHORT))
    session.add(mask=shown_masks())
    arrays = {
        'init_masks': bits(shown_masks()),
        'init_ids': np.array([4, 6]),
        'init_frame': np.array([0, 0]),
        'init_boxes_xyxy_at_input_size': np.array(
            [[7, 9, 26, 33], [40, 24, 75, 57]], np.float32
        ),
        'update_interval': np.array(1),
        'update_threshold': np.array(0.0),
    }
    templates, known = [], []
    for i, image in enumerate(frames(folder)):
        found = session.step(image).pred_instances
        whose = np.zeros(FRAME_HW, np.uint8)
        for number, mask in zip((4, 6), found.masks.numpy()):
            whose[mask] = number
        templates += [(i, template) for template in new_templates(session, known)]
        if i == 0:
            other = VideoSession(model, dict(mask=tracker), (1333, SHORT))
            other.add(mask=shown_masks())
            other.step(image)
            found = other.step(image).pred_instances
        arrays[f'frame{i}/map'] = whose
        arrays[f'frame{i}/ids'] = np.array([4, 6])
        arrays[f'frame{i}/boxes_xyxy'] = found.bboxes.double().numpy()
        arrays[f'frame{i}/scores'] = found.scores.double().numpy()
    arrays = {f'{task}/{name}': value for name, value in arrays.items()}
    return arrays | of_templates(model, task, templates)


def stored_expressions(model, folder, task='rvos', merge=None) -> dict[str, np.ndarray]:
    session = VideoSession(
        model, dict(expression=ExpressionTracker(merge=merge)), (1333, SHORT)
    )
    for expression in EXPRESSIONS:
        session.add(expression=expression)
    arrays = {f'{task}/sentences': np.array(EXPRESSIONS)}
    for i, image in enumerate(frames(folder)):
        masks = session.step(image).pred_instances.masks.numpy()
        if merge is None:
            arrays[f'{task}/frame{i}/masks'] = bits(masks)
        else:
            whose = masks[0] + 2 * masks[1]
            arrays[f'{task}/frame{i}/map'] = whose.astype(np.uint8)
    return arrays


def stored_refdavis(model, folder) -> dict[str, np.ndarray]:
    return stored_expressions(model, folder, 'refdavis', MERGE)


def stored_names(model, folder, task='mot', with_masks=False) -> dict[str, np.ndarray]:
    tracker = PromptQuasiDenseTracker(
        init_score_thr=-1.0,
        obj_score_thr=-1.0,
        select_score_thr=0.02,
        with_masks=with_masks,
    )
    session = VideoSession(model, dict(category=tracker), (1333, SHORT))
    session.add(categories=NAMES)
    arrays = {
        'names': np.array(NAMES),
        'caption': np.array('dog. red kite'),
        'init_score': np.array(-1.0),
        'object_score': np.array(-1.0),
        'match_score': np.array(0.5),
        'select_threshold': np.array(0.02),
        'with_iou_branch': np.array(False),
    }
    for i, image in enumerate(frames(folder)):
        found = session.step(image).pred_instances
        arrays[f'frame{i}/ids'] = found.instances_ids.numpy()
        arrays[f'frame{i}/labels'] = found.labels.numpy()
        arrays[f'frame{i}/boxes_xyxy_unclipped'] = found.bboxes.double().numpy()
        arrays[f'frame{i}/scores'] = found.scores.double().numpy()
        if with_masks:
            arrays[f'frame{i}/mask_ids'] = found.instances_ids.numpy()
            arrays[f'frame{i}/masks'] = bits(found.masks.numpy())
    return {f'{task}/{name}': value for name, value in arrays.items()}


def stored_mots(model, folder) -> dict[str, np.ndarray]:
    return stored_names(model, folder, 'mots', True)


def stored_vis(model, folder) -> dict[str, np.ndarray]:
    tracker = VideoInstanceTracker(
        init_score_thr=-1.0,
        addnew_score_thr=-1.0,
        result_score_thr=0.005,
        select_score_thr=0.02,
    )
    session = VideoSession(model, dict(category=tracker), (1333, SHORT))
    session.add(categories=NAMES)
    arrays = {
        'names': np.array(NAMES),
        'init_score': np.array(-1.0),
        'new_track_score': np.array(-1.0),
        'object_score': np.array(0.1),
        'select_threshold': np.array(0.02),
        'apply_class_threshold': np.array(0.005),
        'multi_class': np.array(True),
        'with_iou_branch': np.array(False),
    }
    masks: dict[int, dict] = {}
    for i, image in enumerate(frames(folder)):
        found = session.step(image).pred_instances
        arrays[f'frame{i}/ids'] = found.instances_ids.numpy()
        arrays[f'frame{i}/boxes_xyxy_unclipped'] = found.bboxes.double().numpy()
        for track, mask in zip(found.instances_ids.tolist(), found.masks.numpy()):
            masks.setdefault(track, {})[i] = mask
        if i == 0:  # the mean of one frame is that frame's
            arrays['frame0/labels'] = found.labels.numpy()
            arrays['frame0/scores'] = found.scores.double().numpy()
    (event,) = session.finish()
    final = event.results
    order = final.scores.argsort(descending=True)
    arrays['final/scores'] = final.scores[order].numpy()
    arrays['final/labels'] = final.labels[order].numpy().astype(np.int16)
    for j, track in enumerate(final.instances_id[order][:2].tolist()):
        seen = [
            masks[track].get(i, np.zeros(FRAME_HW, bool)) for i in range(NUM_FRAMES)
        ]
        arrays[f'final/masks{j}'] = bits(np.stack(seen))
    return {f'vis/{name}': value for name, value in arrays.items()}


STORED = dict(
    sot=stored_sot,
    vos_davis=stored_vos,
    rvos=stored_expressions,
    refdavis=stored_refdavis,
    mot=stored_names,
    mots=stored_mots,
    vis=stored_vis,
)


@pytest.fixture(scope='module')
def stored(model, folder):
    """Task -> what was stored of it, made once."""
    made: dict[str, dict] = {}

    def of(task: str) -> dict[str, np.ndarray]:
        if task not in made:
            made[task] = STORED[task](model, folder) | {
                f'{task}/frames': np.array([f'{i}.png' for i in range(NUM_FRAMES)]),
                f'{task}/frame_hw': np.array(FRAME_HW),
                f'{task}/crop_hw': np.array(FRAME_HW),
                f'{task}/input_hw': np.array([64, 80]),
                'resize/short_side': np.array(SHORT),
                'resize/long_side_at_most': np.array(1333),
            }
        return dict(made[task])

    return of


def failures(model, folder, arrays) -> set[str]:
    results = list(compare_video(Loaded(model), VideoNumbers(arrays), folder))
    assert results
    return {result.name for result in results if not result.passed}


@pytest.mark.parametrize('task', STORED)
def test_model_agrees_with_itself(model, folder, stored, task) -> None:
    loaded = Loaded(model)
    numbers = VideoNumbers(stored(task))
    results = list(compare_video(loaded, numbers, folder))
    assert [result.line() for result in results if not result.passed] == []
    compared = {result.name for result in results}
    for name in numbers.names:
        if re.search(r'/(frame\d|templates|final)/', name):
            assert name in compared or name.endswith('/step')
    assert loaded.for_tracking == [task in ('mot', 'mots', 'vis')]


MUTATIONS = {
    'sot/frame1/boxes_xyxy': lambda a: a + 0.02,
    'sot/frame2/scores': lambda a: a - 3e-4,
    'sot/templates/frame': lambda a: a + 1,
    'sot/templates/1/values': lambda a: a + np.float32(2e-3),
    'sot/templates/0/padding': lambda a: ~a,
    'sot/templates/0/crop_uint8': lambda a: a // 2,
    'sot/input_hw': lambda a: a + 1,
    'sot/init_box_xyxy': lambda a: a + 4,
    'vos_davis/frame0/map': lambda a: np.roll(a, 9),
    'vos_davis/frame2/map': lambda a: 10 - a,
    'vos_davis/frame1/ids': lambda a: a[::-1],
    'vos_davis/frame0/scores': lambda a: a + 3e-4,
    'vos_davis/frame1/boxes_xyxy': lambda a: a * 1.01,
    'vos_davis/templates/2/values': lambda a: a + np.float32(2e-3),
    'vos_davis/init_boxes_xyxy_at_input_size': lambda a: a - 1,
    'rvos/frame1/masks': lambda a: ~a,
    'refdavis/frame0/map': lambda a: 2 - a,
    'mot/frame0/labels': lambda a: 1 - a,
    'mot/frame1/ids': lambda a: a + 1,
    'mot/frame2/boxes_xyxy_unclipped': lambda a: a.clip(1, 50),
    'mot/frame0/scores': lambda a: a + 3e-4,
    'mot/caption': lambda a: np.array('dog. red'),
    'mots/frame1/masks': lambda a: ~a,
    'mots/frame1/mask_ids': lambda a: a - 1,
    'vis/final/scores': lambda a: a + np.float32(1e-2),
    'vis/final/labels': lambda a: a + 1,
    'vis/final/masks0': lambda a: ~a,
    'vis/frame0/scores': lambda a: a[:-1],
}


@pytest.mark.parametrize('name', MUTATIONS)
def test_one_wrong_expectation_is_found(model, folder, stored, name, monkeypatch):
    monkeypatch.setattr(parity_run, 'MAX_TIES', 0)
    arrays = stored(name.split('/')[0])
    before = failures(model, folder, arrays)
    changed = MUTATIONS[name](arrays[name])
    assert not np.array_equal(changed, arrays[name]), 'nothing was changed'
    found = failures(model, folder, {**arrays, name: changed}) - before
    assert name in found or (name == 'sot/init_box_xyxy' and found)


def test_nothing_stored_is_passed_over(model, folder, stored) -> None:
    arrays = stored('rvos')
    arrays['rvos/frame0/unheard_of'] = np.zeros(3)
    arrays['flow/frame0/map'] = np.zeros(3)
    assert failures(model, folder, arrays) == {
        'rvos/frame0/unheard_of',
        'flow/frame0/map',
    }


def test_a_template_is_cut_again_where_a_pixel_differs(model, folder, stored) -> None:
    """One pixel more on the border of a mask is another crop, and no fault."""
    arrays = stored('vos_davis')
    whose = arrays['vos_davis/frame1/map'].copy()
    rows, columns = np.nonzero(whose == 4)
    place = rows.max() + (rows.max() < FRAME_HW[0] - 1), columns.min()
    whose[place] = 4
    if np.array_equal(whose, arrays['vos_davis/frame1/map']):
        whose[rows.max(), columns[rows.argmax()]] = 0
    arrays['vos_davis/frame1/map'] = whose
    results = compare_video(Loaded(model), VideoNumbers(arrays), folder)
    noted = {r.name for r in results if 'cut by the stored mask: 1 pixel' in r.note}
    assert {name.rsplit('/', 2)[-2] for name in noted} == {'2'}


def test_a_tie_the_other_way_round_is_found(model, folder, stored, monkeypatch):
    """Stored by a network that ordered two equal proposals the other way round."""
    monkeypatch.setattr('uninext.testing.proposal_order.NOISE', 1.0)
    image, numbers = next(frames(folder)), VideoNumbers(stored('mot'))
    run = parity_run.TaskRun(model, numbers, folder, 'mot')

    def session() -> VideoSession:
        made = run.session(category=VeryEagerTracker())
        made.add(categories=NAMES)
        return made

    def boxes(sample) -> torch.Tensor:
        return sample.pred_instances.bboxes

    plain = boxes(session().step(image))
    with ProposalOrder.of(model) as proposals:
        session().step(image)
        tie = proposals.ties()[0]
        proposals.exchanged.append(tie)
        other = boxes(session().step(image))
    away = float((plain - other).abs().max())
    assert away > 0

    def compare(sample) -> list[Comparison]:
        error = float((boxes(sample) - other).abs().max())
        return [Comparison('boxes', (), error, away / 2)]

    one = session()
    sample, (result,) = run.step(one, image, compare)
    assert result.passed
    assert f'ranks {tie.rank}-{tie.rank + 1} of image 0' in result.note
    assert torch.equal(boxes(sample), other)
    assert one.num_frames == 1
    monkeypatch.setattr(parity_run, 'MAX_TIES', 0)
    assert not run.step(session(), image, compare)[1][0].passed


class VeryEagerTracker(PromptQuasiDenseTracker):
    """Every detection becomes a track."""

    def __init__(self) -> None:
        super().__init__(init_score_thr=-1.0, obj_score_thr=-1.0)


def test_what_cannot_be_compared(model, folder, stored, tmp_path) -> None:
    with pytest.raises(ValueError, match='none of .*sot.*not of videos'):
        list(compare_video(Loaded(model), VideoNumbers({'a/b': np.ones(1)}), folder))
    with pytest.raises(ValueError, match='0.png of rvos is no file.*--data'):
        list(compare_video(Loaded(model), VideoNumbers(stored('rvos')), tmp_path))
    Image.new('RGB', (30, 20)).save(tmp_path / '0.png')
    with pytest.raises(ValueError, match='30x20.*needs 100x80'):
        list(compare_video(Loaded(model), VideoNumbers(stored('rvos')), tmp_path))


# ------------------------------------------------------------------------------ weights


def test_edited_weights(monkeypatch) -> None:
    """Each tensor once, whatever its aliases; two of them by task."""
    scale, iou = torch.zeros(1), torch.ones(2, 3)
    drawn = {
        'detr.class_embed.5.log_scale': scale,
        'detr.decoder.class_embed.5.log_scale': scale,
        'detr.class_embed.5.bias0': torch.zeros(1),
        'detr.class_embed.4.bias0': torch.ones(1),
        'iou_head.5.weight': iou,
        'alias.iou_head.5.weight': iou,
        'iou_head.5.bias': torch.ones(1),
        'detr.reid_embed_head.1.layers.2.weight': torch.ones(2, 2),
    }
    loads = []
    monkeypatch.setattr(MODELS, 'build', lambda cfg: torch.nn.Identity())
    monkeypatch.setattr(video_numbers, 'draw_state_dict', lambda table, seed: drawn)
    monkeypatch.setattr(
        video_numbers,
        'from_published',
        lambda s: ({k: v.clone() for k, v in s.items()}, []),
    )
    monkeypatch.setattr(
        video_numbers, 'load_state', lambda model, state, source: loads.append(state)
    )
    edited = [key for key in drawn if '.4.' not in key]
    numbers = {
        'seed': 3,
        'edited_keys': edited,
        'class_log_scale_set_to': -1.5,
        'class_bias0_set_to': -2.0,
        'tracking_class_log_scale_set_to': -2.5,
        'tracking_class_bias0_set_to': -9.0,
        'reid_last_weight_times': 10.0,
        'iou_weight_times': 4.0,
        'iou_bias_plus': 2.0,
    }
    numbers = VideoNumbers({f'weights/{k}': np.array(v) for k, v in numbers.items()})
    config = CONFIGS / 'uninext/stage3_video_tiny.py'
    sharpened = SharpenedModel(config, 'table.tsv', numbers)
    for for_tracking in (False, False, True, False):
        sharpened.load(for_tracking)
    assert len(loads) == 3, 'what is loaded already is not loaded again'
    scales = [float(state['detr.decoder.class_embed.5.log_scale']) for state in loads]
    assert scales == [-1.5, -2.5, -1.5]
    biases = [float(state['detr.class_embed.5.bias0']) for state in loads]
    assert biases == [-2, -9, -2]
    for state in loads:
        assert float(state['detr.class_embed.4.bias0']) == 1
        assert state['alias.iou_head.5.weight'].unique().tolist() == [4]
        assert float(state['iou_head.5.bias']) == 3
        reid = state['detr.reid_embed_head.1.layers.2.weight']
        assert reid.unique().tolist() == [10]


# ---------------------------------------------------------------------- published ones

SHORTENED = dict(sot=4, vos_davis=3, rvos=1, refdavis=1, mots=2, vis=2)


def shortened(numbers: VideoNumbers) -> VideoNumbers:
    """The first frames of some tasks: the whole takes minutes."""
    kept = {}
    for name, value in numbers.arrays.items():
        task, *rest = name.split('/')
        if task in ('weights', 'resize'):
            kept[name] = value
        if task not in SHORTENED or rest[0] == 'final':
            continue
        frame = re.fullmatch(r'frame(\d+)', rest[0])
        if frame and int(frame[1]) >= SHORTENED[task]:
            continue
        if rest[0] == 'templates':
            cut_from = numbers.arrays[f'{task}/templates/frame']
            if rest[1].isdigit() and cut_from[int(rest[1])] >= SHORTENED[task]:
                continue
            if rest[1] == 'frame':
                value = value[value < SHORTENED[task]]
        if rest[0] == 'frames':
            value = value[: SHORTENED[task]]
        kept[name] = value
    return VideoNumbers(kept)


@pytest.mark.slow
def test_published_videos(parity_dir, data_dir) -> None:
    numbers = VideoNumbers.load(parity_dir / 'video_r50_stage3.npz')
    table = parity_dir / 'official_r50_stage3.tsv'
    numbers = shortened(numbers)
    sharpened = SharpenedModel(CONFIGS / 'uninext/stage3_video.py', table, numbers)
    results = list(compare_video(sharpened, numbers, data_dir))
    assert len(results) > 70
    assert [result.line() for result in results if not result.passed] == []
