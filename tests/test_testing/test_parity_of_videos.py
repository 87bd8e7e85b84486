"""``check_parity.py video``: what a model finds in videos, against what is stored.

Here the model's own results are stored as the published ones are, from plain sessions;
the published ones themselves where they and their frames are.
"""

from __future__ import annotations

import re
from functools import cache, partial
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


def session_of(model, **trackers) -> VideoSession:
    return VideoSession(model, trackers, (1333, SHORT))


def found_in(session, folder):
    """Frame after frame, what a plain session finds in it."""
    for i, image in enumerate(frames(folder)):
        yield f'frame{i}', session.step(image).pred_instances


def boxes_of(at, found, boxes='boxes_xyxy') -> dict[str, np.ndarray]:
    return {
        f'{at}/{boxes}': found.bboxes.double().numpy(),
        f'{at}/scores': found.scores.double().numpy(),
    }


class Cuts:
    """Templates that a session has cut, as they are stored."""

    def __init__(self, model):
        self.model, self.known, self.frames, self.arrays = model, [], [], {}

    def look_at(self, session, frame):
        for which in ('first', 'latest'):
            for state in session.state_dict()['prompts'].values():
                template = state['memory'][which]
                if template and not any(template['image'] is k for k in self.known):
                    self.known.append(template['image'])
                    self._store(Template(**template), len(self.frames))
                    self.frames.append(frame)

    def _store(self, template, k):
        crop = self.model.data_preprocessor.template_inputs([template])[0]
        self.arrays |= {
            f'templates/{k}/values': crop.reshape(-1)[::7].numpy(),
            f'templates/{k}/step': 7,
            f'templates/{k}/padding': np.packbits((template.padding > 0).numpy()),
        }
        if k == 0:
            mean, std = (
                torch.tensor(values)[:, None, None]
                for values in ([123.675, 116.28, 103.53], [58.395, 57.12, 57.375])
            )
            pixels = torch.cat([crop[:3] * std + mean, crop[3:] * 255]).round()
            self.arrays['templates/0/crop_uint8'] = pixels.byte().numpy()

    def stored(self):
        return self.arrays | {'templates/frame': self.frames}


def stored_sot(model, folder) -> dict:
    update = dict(type='PeriodicTemplateUpdate', interval=2, min_score=0.0)
    session = session_of(model, box=TemplateTracker(update, with_masks=False))
    session.add(box=BOX)
    arrays = dict(init_box_xyxy=BOX, update_interval=2, update_threshold=0.0)
    cuts = Cuts(model)
    for i, (at, found) in enumerate(found_in(session, folder)):
        arrays |= boxes_of(at, found)
        cuts.look_at(session, i)
    return arrays | cuts.stored()


def stored_vos(model, folder) -> dict:
    """Both targets are shown in frame 0 and asked for there by another session."""
    update = dict(type='ConfidentTemplateUpdate', min_score=0.0)
    tracker = TemplateTracker(update, MERGE, shown_mask='round_trip')
    session, other = (session_of(model, mask=tracker) for _ in range(2))
    for one in (session, other):
        one.add(mask=shown_masks())
    boxes = np.array([[7, 9, 26, 33], [40, 24, 75, 57]], np.float32)
    arrays = {
        'init_masks': bits(shown_masks()),
        'init_ids': [4, 6],
        'init_frame': [0, 0],
        'init_boxes_xyxy_at_input_size': boxes,
        'update_interval': 1,
        'update_threshold': 0.0,
    }
    cuts = Cuts(model)
    for i, (at, found) in enumerate(found_in(session, folder)):
        whose = np.zeros(FRAME_HW, np.uint8)
        for number, mask in zip((4, 6), found.masks.numpy()):
            whose[mask] = number
        cuts.look_at(session, i)
        if i == 0:
            image = next(frames(folder))
            other.step(image)
            found = other.step(image).pred_instances
        arrays |= {f'{at}/map': whose, f'{at}/ids': [4, 6], **boxes_of(at, found)}
    return arrays | cuts.stored()


def stored_expressions(model, folder, merge=None) -> dict:
    session = session_of(model, expression=ExpressionTracker(merge=merge))
    for expression in EXPRESSIONS:
        session.add(expression=expression)
    arrays = {'sentences': EXPRESSIONS}
    for at, found in found_in(session, folder):
        masks = found.masks.numpy()
        if merge is None:
            arrays[f'{at}/masks'] = bits(masks)
        else:
            arrays[f'{at}/map'] = (masks[0] + 2 * masks[1]).astype(np.uint8)
    return arrays


def stored_categories(model, folder, with_masks=False) -> dict:
    settings = dict(init_score=-1.0, object_score=-1.0, select_threshold=0.02)
    tracker = PromptQuasiDenseTracker(
        init_score_thr=-1.0,
        obj_score_thr=-1.0,
        select_score_thr=0.02,
        with_masks=with_masks,
    )
    session = session_of(model, category=tracker)
    session.add(categories=NAMES)
    arrays = dict(names=NAMES, caption='dog. red kite', match_score=0.5, **settings)
    for at, found in found_in(session, folder):
        ids = found.instances_ids.numpy()
        arrays |= boxes_of(at, found, 'boxes_xyxy_unclipped')
        arrays |= {f'{at}/ids': ids, f'{at}/labels': found.labels.numpy()}
        if with_masks:
            masks = bits(found.masks.numpy())
            arrays |= {f'{at}/mask_ids': ids, f'{at}/masks': masks}
    return arrays | {'with_iou_branch': False}


def stored_vis(model, folder) -> dict:
    tracker = VideoInstanceTracker(
        init_score_thr=-1.0,
        addnew_score_thr=-1.0,
        result_score_thr=0.005,
        select_score_thr=0.02,
    )
    session = session_of(model, category=tracker)
    session.add(categories=NAMES)
    arrays = dict(
        names=NAMES,
        init_score=-1.0,
        new_track_score=-1.0,
        object_score=0.1,
        select_threshold=0.02,
        apply_class_threshold=0.005,
        multi_class=True,
        with_iou_branch=False,
    )
    masks: dict[int, dict] = {}
    for i, (at, found) in enumerate(found_in(session, folder)):
        of_frame = boxes_of(at, found, 'boxes_xyxy_unclipped')
        if i:  # the mean of one frame alone is that frame's
            del of_frame[f'{at}/scores']
        else:
            arrays[f'{at}/labels'] = found.labels.numpy()
        arrays |= {f'{at}/ids': found.instances_ids.numpy(), **of_frame}
        for track, mask in zip(found.instances_ids.tolist(), found.masks.numpy()):
            masks.setdefault(track, {})[i] = mask
    (event,) = session.finish()
    final = event.results
    order = final.scores.argsort(descending=True)
    arrays['final/scores'] = final.scores[order].numpy()
    arrays['final/labels'] = final.labels[order].numpy().astype(np.int16)
    nothing = np.zeros(FRAME_HW, bool)
    for j, track in enumerate(final.instances_id[order][:2].tolist()):
        seen = [masks[track].get(i, nothing) for i in range(NUM_FRAMES)]
        arrays[f'final/masks{j}'] = bits(np.stack(seen))
    return arrays


STORED = dict(
    sot=stored_sot,
    vos_davis=stored_vos,
    rvos=stored_expressions,
    refdavis=partial(stored_expressions, merge=MERGE),
    mot=stored_categories,
    mots=partial(stored_categories, with_masks=True),
    vis=stored_vis,
)


@pytest.fixture(scope='module')
def stored(model, folder):
    """Task -> what was stored of it, made once."""
    made: dict[str, dict] = {}

    def of(task: str) -> dict[str, np.ndarray]:
        if task not in made:
            given = STORED[task](model, folder) | dict(
                frames=[f'{i}.png' for i in range(NUM_FRAMES)],
                frame_hw=FRAME_HW,
                crop_hw=FRAME_HW,
                input_hw=[64, 80],
            )
            made[task] = {f'{task}/{k}': np.asarray(v) for k, v in given.items()} | {
                'resize/short_side': np.array(SHORT),
                'resize/long_side_at_most': np.array(1333),
            }
        return dict(made[task])

    return of


@pytest.fixture(scope='module')
def tied(model, folder, stored):
    """Task -> what fails of it where no tie is taken the other way; made once."""
    return cache(lambda task: frozenset(failures(model, folder, stored(task))))


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
def test_one_wrong_expectation_is_found(
    model, folder, stored, tied, name, monkeypatch
) -> None:
    monkeypatch.setattr(parity_run, 'MAX_TIES', 0)
    task = name.split('/')[0]
    arrays, before = stored(task), tied(task)
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
    target = whose.max()  # one that is in the frame
    rows, columns = np.nonzero(whose == target)
    place = rows.max() + (rows.max() < FRAME_HW[0] - 1), columns.min()
    whose[place] = target
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
