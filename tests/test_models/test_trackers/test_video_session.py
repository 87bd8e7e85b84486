from __future__ import annotations

import numpy as np
import pytest
import torch

from helpers.painted_world import (
    COLORS,
    HEIGHT,
    WIDTH,
    ColorModel,
    box_mask,
    frame,
    painted,
)
from helpers.session_checks import (
    assert_same,
    num_values,
    of_prompt,
    run,
    same_state,
    through_a_file,
)
from uninext.models.trackers import (
    ExpressionTracker,
    PromptQuasiDenseTracker,
    TemplateTracker,
    VideoInstanceTracker,
    VideoSession,
)

CONFIDENT = dict(type='ConfidentTemplateUpdate')
PERIODIC = dict(type='PeriodicTemplateUpdate', interval=2)


def all_trackers(merge=None, **changes):
    trackers = dict(
        category=PromptQuasiDenseTracker(),
        expression=ExpressionTracker(),
        box=TemplateTracker(PERIODIC, template_size=32),
        mask=TemplateTracker(CONFIDENT, merge, template_size=32),
    )
    return {**trackers, **changes}


def open_session(model=None, scale=None, max_rows=None, **changes) -> VideoSession:
    model = model or ColorModel().eval()
    return VideoSession(model, all_trackers(**changes), scale, max_rows)


def places(i: int) -> dict[str, tuple[int, int, int, int]]:
    """Where things are in frame i; they never touch."""
    x = 4 * (i % 12)
    return dict(
        red=(x, 4, x + 16, 20), green=(x + 64, 24, x + 80, 40),
        blue=(100 - x, 44, 116 - x, 60), yellow=(x, 24, x + 16, 40),
        pink=(64 + x, 4, 80 + x, 20),
    )  # fmt: skip


def scene(i: int = 0, *colors: str, size_hw=(HEIGHT, WIDTH)) -> np.ndarray:
    """Frame i, with the given things or all."""
    boxes = places(i)
    return frame(size_hw, **{color: boxes[color] for color in colors or boxes})


def boxes_of(result) -> list[tuple[int, ...]]:
    return [tuple(box) for box in result.bboxes.round().int().tolist()]


FILLED = ('green', 'red', 'blue', 'yellow', 'pink')


def wanted(i: int) -> list[tuple[int, ...]]:
    """Boxes of the prompts of :func:`fill` in frame i."""
    return [places(i)[color] for color in FILLED]


def fill(session: VideoSession, i: int = 0) -> None:
    """One prompt of each kind; targets are shown in frame i."""
    session.add(mask=box_mask(places(i)['green']))
    session.add(categories=['red', 'blue'])
    session.add(expression='the yellow one')
    session.add(box=places(i)['pink'])


# ------------------------------------------------------------------ nothing to be found


def test_no_prompt():
    session = open_session()
    sample = session.step(scene())
    result = sample.pred_instances
    assert result.bboxes.shape == (0, 4)
    assert result.masks.shape == (0, HEIGHT, WIDTH)
    assert result.masks.dtype == torch.bool
    for name in ('bboxes', 'scores'):
        assert result[name].dtype == torch.float32
    for name in ('labels', 'instances_ids', 'prompt_ids'):
        assert result[name].dtype == torch.int64
        assert result[name].shape == (0,)
    assert sample.track_updates == []
    assert session.num_frames == 1
    assert session.model.num_features == 0
    assert session.prompt_ids == ()
    assert session.finish() == []


@pytest.mark.parametrize('how', ['no head', 'not predicted'])
def test_without_masks(how):
    model, trackers = ColorModel(with_masks=how != 'no head').eval(), {}
    if how == 'not predicted':
        trackers = dict(
            category=PromptQuasiDenseTracker(with_masks=False),
            expression=ExpressionTracker(with_iou=False, with_masks=False),
            box=TemplateTracker(with_iou=False, template_size=64, with_masks=False),
            mask=TemplateTracker(with_iou=False, template_size=64, with_masks=False),
        )
    session = open_session(model, **trackers)
    assert 'masks' not in session.step(scene()).pred_instances
    fill(session)
    for result in run(session, [scene(), scene(1)]):
        assert 'masks' not in result
        assert result.prompt_ids.tolist() == [0, 1, 1, 2, 3]


# ----------------------------------------------------------------- prompts of all kinds


def test_all_kinds_at_once_in_the_order_of_prompts():
    session = open_session()
    fill(session)
    assert session.prompt_ids == (0, 1, 2, 3)
    for i in range(4):
        result = session.step(scene(i)).pred_instances
        assert boxes_of(result) == wanted(i)
        assert result.prompt_ids.tolist() == [0, 1, 1, 2, 3]
        assert result.labels.tolist() == [0, 0, 1, 0, 0]
        assert result.instances_ids.tolist() == [0, 3, 4, 1, 2]
        green = painted if i else box_mask  # as it was shown
        assert torch.equal(result.masks[0], green(places(i)['green']))
        for color, mask in zip(FILLED[1:], result.masks[1:]):
            assert torch.equal(mask, painted(places(i)[color]))


def test_what_labels_mean():
    session = open_session()
    fill(session)
    meant = [session.names_of(i) for i in session.prompt_ids]
    assert meant == [('target',), ('red', 'blue'), ('the yellow one',), ('target',)]
    with pytest.raises(ValueError, match='no prompt 9'):
        session.names_of(9)


def test_several_targets_in_one_call():
    session = open_session()
    colors = ('red', 'green', 'blue')
    boxes = [places(0)[color] for color in colors]
    assert session.add(box=boxes) == [0, 1, 2]
    assert session.add(mask=torch.stack([box_mask(b) for b in boxes])) == [3, 4, 5]
    session.step(scene())
    result = session.step(scene(3)).pred_instances
    assert boxes_of(result) == [places(3)[color] for color in colors] * 2
    assert result.instances_ids.tolist() == list(range(6))


def test_prompts_come_between_frames():
    session = open_session()
    assert session.add(categories=['red']) == [0]
    assert len(session.step(scene()).pred_instances) == 1
    assert session.add(box=places(1)['green']) == [1]
    result = session.step(scene(1)).pred_instances
    assert boxes_of(result) == [places(1)['red'], places(1)['green']]
    assert result.scores[1] == 1
    result = session.step(scene(2)).pred_instances
    assert boxes_of(result) == [places(2)['red'], places(2)['green']]
    assert result.scores[1] < 1
    assert result.instances_ids.tolist() == [0, 1]


def test_a_shown_target_is_as_it_was_shown():
    session = open_session()
    wrong = (1, 2, 11, 9)  # green is elsewhere
    session.add(box=wrong)
    mask = box_mask((0, 0, 9, 9)) & (torch.rand(HEIGHT, WIDTH) > 0.5)
    session.add(mask=mask)
    result = session.step(scene()).pred_instances
    assert boxes_of(result)[0] == wrong
    assert torch.equal(result.masks[1], mask)
    assert result.scores.tolist() == [1, 1]


def test_prompts_go():
    session = open_session()
    fill(session)
    session.step(scene())
    session.remove(1)
    assert session.prompt_ids == (0, 2, 3)
    assert session.step(scene(1)).pred_instances.prompt_ids.tolist() == [0, 2, 3]
    for unknown in (1, 4, -1):
        with pytest.raises(ValueError, match=f'no prompt {unknown}'):
            session.remove(unknown)
    for prompt_id in (0, 2, 3):
        session.remove(prompt_id)
    assert len(session.step(scene(2)).pred_instances) == 0


def test_a_target_may_go_before_its_frame():
    session = open_session()
    session.add(box=places(0)['red'])
    session.remove(0)
    assert len(session.step(scene()).pred_instances) == 0
    assert session.state_dict()['waiting'] == {}


def test_ids_are_never_used_again():
    session = open_session()
    prompts, tracks = [], []
    for i in range(5):
        added = [
            *session.add(categories=['red', 'blue']),
            *session.add(categories=['thing']), *session.add(expression='green'),
            *session.add(box=places(i)['pink']),
        ]  # fmt: skip
        result = session.step(scene(i)).pred_instances
        prompts += added
        tracks += result.instances_ids.tolist()
        again = session.step(scene(i)).pred_instances
        assert torch.equal(again.instances_ids, result.instances_ids)
        for prompt_id in added:
            session.remove(prompt_id)
    assert prompts == list(range(20))
    assert len(tracks) == 5 * (2 + 5 + 1 + 1)
    assert len(set(tracks)) == len(tracks)


def test_new_tracks_of_several_lists_of_names():
    session = open_session()
    session.add(categories=['red', 'green'])
    session.add(categories=['blue', 'yellow'])
    session.step(scene(0, 'red'))
    session.step(scene(1, 'red', 'blue'))
    session.step(scene(2, 'red', 'blue', 'yellow'))
    result = session.step(scene(3)).pred_instances
    ids = dict(zip(boxes_of(result), result.instances_ids.tolist()))
    named = {color: ids.get(box) for color, box in places(3).items()}
    assert named == dict(red=0, blue=1, yellow=2, green=3, pink=None)


def test_only_kinds_that_the_model_follows():
    session = VideoSession(ColorModel(), dict(category=PromptQuasiDenseTracker()))
    for wrong in (dict(expression='a dog'), dict(box=[1, 2, 3, 4])):
        with pytest.raises(ValueError, match='trackers'):
            session.add(**wrong)
    assert session.prompt_ids == ()
    assert session.add(categories=['red']) == [0]


def test_some_kinds_report_boxes_alone():
    session = open_session(category=PromptQuasiDenseTracker(with_masks=False))
    session.add(categories=['red', 'blue'])
    session.add(expression='green')
    result = session.step(scene()).pred_instances
    assert result.masks.shape == (3, HEIGHT, WIDTH)
    assert not result.masks[:2].any()
    assert torch.equal(result.masks[2], painted(places(0)['green']))


# ----------------------------------------------------------------------------- frames


def test_frames_are_resized_and_results_are_not():
    model = ColorModel().eval()
    sizes = []
    extract = model.extract_feat
    model.extract_feat = lambda x: sizes.append(tuple(x.shape)) or extract(x)
    session = open_session(model, scale=(64, 32))
    fill(session)
    for i, result in enumerate(run(session, [scene(0), scene(1)])):
        assert result.masks.shape[1:] == (HEIGHT, WIDTH)
        assert (result.bboxes - torch.tensor(wanted(i))).abs().max() <= 3
    assert sizes == [(1, 3, 32, 64)] * 2


def test_a_broken_frame_changes_nothing():
    session, other = open_session(), open_session()
    for one in (session, other):
        fill(one)
        one.step(scene())
        one.add(box=places(1)['blue'])
    before = session.state_dict()
    with pytest.raises(ValueError, match='A frame must be'):
        session.step(None)
    assert same_state(session.state_dict(), before)
    assert_same(*(s.step(scene(1)).pred_instances for s in (session, other)))


@pytest.mark.parametrize(
    ('wrong', 'message'),
    [
        (dict(box=[WIDTH, 0, WIDTH + 9, 9]), 'outside'),
        (dict(box=[-9, -9, 0, 0]), 'outside'),
        (dict(mask=np.ones((WIDTH, HEIGHT), bool)), 'width x height'),
        (dict(mask=np.ones((HEIGHT // 2, WIDTH // 2), bool)), 'width x height'),
    ],
)
def test_a_wrong_target_changes_nothing_and_can_be_removed(wrong, message):
    session = open_session()
    fill(session)
    session.step(scene())
    session.add(box=places(1)['blue'])
    (prompt_id,) = session.add(**wrong)
    before = session.state_dict()
    for _ in range(2):  # it waits for its frame
        with pytest.raises(ValueError, match=message) as error:
            session.step(scene(1))
        assert f'remove({prompt_id})' in str(error.value)
        assert same_state(session.state_dict(), before)
    session.remove(prompt_id)
    result = session.step(scene(1)).pred_instances
    assert result.prompt_ids.tolist() == [0, 1, 1, 2, 3, 4]
    assert boxes_of(result)[-1] == places(1)['blue']
    assert result.scores[-1] == 1


def test_a_target_may_get_its_frame_later():
    session = open_session()
    large = (80, 192)
    session.add(mask=box_mask(places(0)['red'], large))
    with pytest.raises(ValueError, match='waiting'):
        session.step(scene())
    session.step(scene(size_hw=large))
    result = session.step(scene(2)).pred_instances
    assert boxes_of(result) == [places(2)['red']]


def test_a_frame_can_be_tried_again_if_the_network_failed():
    """Out of memory, say."""
    session, other = open_session(), open_session()
    for one in (session, other):
        fill(one)
    find, session.model.find = session.model.find, None
    with pytest.raises(TypeError):
        session.step(scene())
    session.model.find = find
    for i in range(3):
        assert_same(*(s.step(scene(i)).pred_instances for s in (session, other)))


# ------------------------------------------------------------------- together and alone


def test_targets_at_once_are_targets_alone():
    colors = list(COLORS)
    frames = [scene(i) for i in range(6)]
    boxes = [places(0)[color] for color in colors]
    for key, given in (('box', boxes), ('mask', [box_mask(b) for b in boxes])):
        session = open_session()
        for one in given:
            session.add(**{key: one})
        together = run(session, frames)
        for i, one in enumerate(given):
            alone = open_session()
            alone.add(**{key: one})
            for whole, result in zip(together, run(alone, frames)):
                mine = of_prompt(whole, i)
                assert_same(mine, result, ('prompt_ids', 'instances_ids'))
        assert session.model.num_features == 6 - (key == 'mask')


@pytest.mark.parametrize('max_rows', [1, 2, 3])
def test_length_of_a_pass_changes_nothing(max_rows):
    sessions = open_session(), open_session(max_rows=max_rows)
    for session in sessions:
        fill(session)
        session.add(box=[places(0)[c] for c in ('red', 'green', 'blue')])
        session.add(expression='green')
    frames = [scene(i) for i in range(4)]
    for one, other in zip(*(run(session, frames) for session in sessions)):
        assert_same(one, other)
    assert max(sessions[0].model.row_counts) == 5
    assert max(sessions[1].model.row_counts) == max_rows
    assert sessions[1].model.num_features == 4


def test_names_asked_in_parts():
    sessions = open_session(), open_session(ColorModel(max_categories=2).eval())
    frames = [scene(i) for i in range(4)]
    results = []
    for session in sessions:
        session.add(expression='green')
        session.add(categories=['red', 'blue', 'pink', 'green', 'yellow'])
        results.append(run(session, frames))
    for i, (one, other) in enumerate(zip(*results)):
        for result in (one, other):
            mine = of_prompt(result, 1)
            found = dict(zip(mine.labels.tolist(), boxes_of(mine)))
            colors = ('red', 'blue', 'pink', 'green', 'yellow')
            assert found == {k: places(i)[color] for k, color in enumerate(colors)}
        assert torch.equal(one.instances_ids, results[0][0].instances_ids)
        assert torch.equal(other.instances_ids, results[1][0].instances_ids)


def test_backbone_runs_only_where_something_is_not_known():
    session = open_session()
    session.add(mask=box_mask(places(0)['red']))
    session.step(scene())
    assert session.model.num_features == 0
    session.step(scene(1))
    assert session.model.num_features == 1
    session.add(box=places(2)['blue'])  # its mask is not known
    session.step(scene(2))
    assert session.model.num_features == 2
    assert session.model.row_counts == [1, 2]


def test_a_session_leaves_nothing_in_the_model():
    """Two videos interleaved are the same as each alone."""
    model = ColorModel().eval()
    videos = [scene(i) for i in range(5)], [scene(11 - i, 'red') for i in range(5)]
    alone = []
    for i, video in enumerate(videos):
        session = open_session()
        fill(session, 11 * i)
        alone.append(run(session, video))
    first, second = open_session(model), open_session(model)
    fill(first)
    fill(second, 11)
    for i in range(5):
        assert_same(first.step(videos[0][i]).pred_instances, alone[0][i])
        assert_same(second.step(videos[1][i]).pred_instances, alone[1][i])


# ----------------------------------------------------------------------------- modes


@pytest.mark.parametrize('fails', [False, True])
def test_modes_of_all_modules_are_restored(fails):
    model = ColorModel().train()
    model.mask_head.eval()  # frozen, say
    session = open_session(model)
    session.add(categories=['red'])
    if fails:
        session.add(box=[WIDTH, 0, WIDTH + 9, 9])
        with pytest.raises(ValueError, match='outside'):
            session.step(scene())
    else:
        session.step(scene())
        assert model.modes == [False]
    assert model.training
    assert not model.mask_head.training


def test_no_graph_is_kept():
    session = open_session()
    fill(session)
    result = run(session, [scene(0), scene(1)])[-1]
    assert not any(value.requires_grad for value in result.values())


# ----------------------------------------------------------------------------- state


def test_a_fresh_session_can_be_saved():
    session = open_session()
    session.load_state_dict(through_a_file(open_session().state_dict()))
    assert same_state(session.state_dict(), open_session().state_dict())


@pytest.mark.parametrize('names', [PromptQuasiDenseTracker, VideoInstanceTracker])
@pytest.mark.parametrize('stop', [0, 1, 4])
def test_goes_on_where_it_was_saved(names, stop):
    """Targets that wait for their frame too."""
    frames = [scene(i, 'red', *(['pink', 'green'] if i % 3 else [])) for i in range(9)]
    session = open_session(category=names())
    fill(session)
    run(session, frames[:stop])
    session.add(mask=box_mask(places(stop)['red']))
    session.add(box=places(stop)['red'])
    saved = through_a_file(session.state_dict())
    other = open_session(category=names())
    other.load_state_dict(saved)
    assert same_state(other.state_dict(), saved)
    assert other.num_frames == stop
    session.add(expression='red')
    other.add(expression='red')
    for one, two in zip(run(session, frames[stop:]), run(other, frames[stop:])):
        assert_same(one, two)
    assert same_state(session.state_dict(), other.state_dict())
    again = open_session(category=names())
    again.load_state_dict(saved)  # it is a copy of the moment
    assert same_state(again.state_dict(), saved)


@pytest.mark.parametrize(
    ('number', 'change', 'message'),
    [(0, dict(kind='sound'), 'sound'), (1, dict(memory={}), 'TrackMemory')],
    ids=['other kind', 'no memory'],
)
def test_a_broken_state_changes_nothing(number, change, message):
    filled, session = open_session(), open_session()
    fill(filled)
    filled.step(scene())
    state = filled.state_dict()
    state['prompts'][number].update(change)
    session.add(categories=['red'])
    before = session.state_dict()
    with pytest.raises(ValueError, match=message):
        session.load_state_dict(state)
    assert same_state(session.state_dict(), before)


def test_a_state_of_other_trackers():
    session = open_session()
    fill(session)
    session.step(scene())
    other = open_session(category=VideoInstanceTracker())
    with pytest.raises(ValueError, match='TrackMemory.*InstanceMemory'):
        other.load_state_dict(session.state_dict())
    assert other.prompt_ids == ()


@pytest.mark.slow
@pytest.mark.parametrize(
    ('names', 'num'), [(PromptQuasiDenseTracker, 300), (VideoInstanceTracker, 100)]
)
def test_memory_does_not_grow(names, num):
    session = open_session(category=names(), merge=dict(type='SoftAggregation'))
    fill(session)
    session.add(categories=['thing'])
    session.step(scene())
    rng = np.random.default_rng(0)
    sizes, boxes = [], places(0)
    for _ in range(num):
        chosen = [color for color in COLORS if rng.random() < 0.3]
        session.step(frame(**{color: boxes[color] for color in chosen}))
        sizes.append(num_values(session.state_dict()))
    assert max(sizes[num // 2 :]) <= max(sizes[: num // 2])
    assert session.state_dict()['next_id'] > 10 or names is VideoInstanceTracker


# ----------------------------------------------------------------------------- tracks


def averaged() -> VideoSession:
    session = open_session(category=VideoInstanceTracker())
    session.add(expression='pink')
    session.add(categories=['red', 'blue'])
    return session


def test_tracks_end_in_the_video_or_with_it():
    session = averaged()
    events = []
    for i in range(4):
        events += session.step(scene(i)).track_updates
    for i in range(4, 18):
        events += session.step(scene(i, 'blue')).track_updates
    ended = [event for event in events if len(event.results)]
    assert len(events) == 18
    assert [event.prompt_id for event in ended] == [1]
    assert ended[0].results.instances_id.tolist() == [1]  # 0 is the expression's
    rest = session.finish()
    assert [event.prompt_id for event in rest] == [1]
    assert rest[0].results.instances_id.tolist() == [2]
    assert len(rest[0].discarded) == 0
    for event, label in ((ended[0], 0), (rest[0], 1)):
        results = event.results
        assert results.labels.tolist() == [label]
        torch.testing.assert_close(results.scores, torch.tensor([0.9]))


@pytest.mark.parametrize('prompt', ['expression', 'box', 'mask', 'categories'])
def test_only_averaged_categories_have_results_of_whole_videos(prompt):
    session = open_session()
    given = dict(
        expression='the yellow one',
        box=places(0)['pink'],
        mask=box_mask(places(0)['green']),
        categories=['red'],
    )
    session.add(**{prompt: given[prompt]})
    assert session.step(scene(0)).track_updates == []
    assert session.finish() == []


def test_a_state_that_is_none():
    with pytest.raises(ValueError, match='no saved session'):
        open_session().load_state_dict({'model': 1})
