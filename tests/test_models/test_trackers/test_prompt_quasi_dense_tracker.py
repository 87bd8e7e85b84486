from __future__ import annotations

import io
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from mmdet.models.trackers import QuasiDenseTracker
from mmengine.structures import InstanceData

from helpers.session_checks import associate
from uninext.models.trackers import IdCounter, PromptQuasiDenseTracker
from uninext.registry import MODELS
from uninext.structures import TrackMemory

LEFT, RIGHT, FAR = [0, 0, 10, 10], [50, 0, 60, 10], [90, 90, 99, 99]
A, B, C = [9.0, 0.0, 0.0], [0.0, 9.0, 0.0], [0.0, 0.0, 9.0]


def frame(*rows) -> InstanceData:
    """Rows are (box, score, label, embedding)."""
    boxes, scores, labels, embeds = zip(*rows) if rows else ([], [], [], [])
    return InstanceData(
        bboxes=torch.tensor(boxes, dtype=torch.float).reshape(-1, 4),
        scores=torch.tensor(scores, dtype=torch.float),
        labels=torch.tensor(labels, dtype=torch.int64),
        embeds=torch.tensor(embeds, dtype=torch.float).reshape(-1, 3),
    )


def random_frame(generator: torch.Generator, objects: int = 8) -> InstanceData:
    """Some of the same targets at places that drift, with noisy embeddings."""
    chosen = torch.randperm(objects, generator=generator)[: objects - 2]
    chosen = torch.cat([chosen, chosen[:3]])  # doubles
    n = len(chosen)
    noise = torch.randn(n, 4, generator=generator)
    corner = torch.stack([chosen * 9.0, chosen * 5.0], 1) + noise[:, :2]
    embeds = 3 * torch.eye(objects)[chosen]
    embeds = embeds + torch.randn(n, objects, generator=generator)
    return InstanceData(
        bboxes=torch.cat([corner, corner + 20 + noise[:, 2:]], 1),
        scores=torch.rand(n, generator=generator),
        labels=chosen % 2,
        embeds=embeds,
    )


def ids_of(tracker, state, detections) -> dict[int, int]:
    kept, ids = associate(tracker, state, detections)[:2]
    return dict(zip(kept.tolist(), ids.tolist()))


def test_no_detection_in_a_hundred_frames():
    tracker, state = PromptQuasiDenseTracker(), TrackMemory()
    for _ in range(100):
        assert ids_of(tracker, state, frame()) == {}
    assert state.frame == 100
    assert len(state) == 0
    assert ids_of(tracker, state, frame((LEFT, 0.9, 0, A))) == {0: 0}


def test_built_from_config():
    tracker = MODELS.build(dict(type='PromptQuasiDenseTracker', init_score_thr=0.6))
    assert tracker.init_score_thr == 0.6
    assert associate(tracker, TrackMemory(), frame((LEFT, 0.5, 0, A)))[0].tolist() == []


@pytest.mark.parametrize(
    'setting',
    [{'memo_momentum': 1.5}, {'memo_tracklet_frames': 0}, {'memo_backdrop_frames': -1}],
    ids=lambda s: next(iter(s)),
)
def test_wrong_settings_are_refused(setting):
    with pytest.raises(ValueError, match=next(iter(setting))):
        PromptQuasiDenseTracker(**setting)


@pytest.mark.parametrize('backdrop_frames', [0, 1, 3])
@pytest.mark.parametrize('momentum', [1.0, 0.8])
@pytest.mark.parametrize('with_cats', [True, False])
def test_decides_as_mmdet_does(backdrop_frames, momentum, with_cats):
    settings = dict(
        init_score_thr=0.4,
        obj_score_thr=0.3,
        memo_tracklet_frames=4,
        memo_backdrop_frames=backdrop_frames,
        memo_momentum=momentum,
        with_cats=with_cats,
    )
    ours, state = PromptQuasiDenseTracker(**settings), TrackMemory()
    theirs = QuasiDenseTracker(**settings)
    generator = torch.Generator().manual_seed(1)
    for number in range(40):
        detections = random_frame(generator)
        head = SimpleNamespace(predict=lambda *_, d=detections: d.embeds)
        sample = SimpleNamespace(
            metainfo=dict(frame_id=number), pred_instances=detections
        )
        expected = theirs.track(
            SimpleNamespace(track_head=head), None, [], sample, rescale=False
        )
        kept, ids = associate(ours, state, detections)[:2]
        assert ids.tolist() == expected.instances_id.tolist()
        assert torch.equal(detections.bboxes[kept], expected.bboxes)
    assert state.counter.next_id > 8  # some were lost and found too late


def test_order_of_the_detections_does_not_matter():
    tracker = PromptQuasiDenseTracker()
    generator = torch.Generator().manual_seed(2)
    state, shuffled_state = TrackMemory(), TrackMemory()
    for _ in range(10):
        detections = random_frame(generator)
        order = torch.randperm(len(detections), generator=generator)
        kept, ids = associate(tracker, state, detections)[:2]
        shuffled, shuffled_ids = associate(tracker, shuffled_state, detections[order])[
            :2
        ]
        assert order[shuffled].tolist() == kept.tolist()
        assert shuffled_ids.tolist() == ids.tolist()


def test_targets_that_cross_keep_their_ids():
    tracker, state = PromptQuasiDenseTracker(), TrackMemory()
    for x in range(0, 60, 5):
        left, right = [x, 0, x + 10, 10], [60 - x, 12, 70 - x, 22]
        found = ids_of(tracker, state, frame((left, 0.9, 0, A), (right, 0.8, 0, B)))
        assert found == {0: 0, 1: 1}


@pytest.mark.parametrize(('gap', 'expected'), [(8, 0), (9, 0), (10, 1)])
def test_a_target_that_comes_back_in_time_is_the_same(gap, expected):
    tracker, state = PromptQuasiDenseTracker(), TrackMemory()
    target = frame((LEFT, 0.9, 0, A))
    associate(tracker, state, target)
    for _ in range(gap):
        associate(tracker, state, frame())
    assert ids_of(tracker, state, target) == {0: expected}


def test_an_id_is_never_used_again():
    tracker, state = PromptQuasiDenseTracker(memo_tracklet_frames=1), TrackMemory()
    seen = []
    for _ in range(5):
        seen += ids_of(tracker, state, frame((LEFT, 0.9, 0, A))).values()
        associate(tracker, state, frame())
    assert seen == [0, 1, 2, 3, 4]


@pytest.mark.parametrize('momentum', [0.0, 0.25, 1.0])
def test_momentum_is_the_share_of_the_new_embedding(momentum):
    tracker, state = PromptQuasiDenseTracker(memo_momentum=momentum), TrackMemory()
    associate(tracker, state, frame((LEFT, 0.9, 0, [4.0, 0.0, 0.0])))
    associate(tracker, state, frame((LEFT, 0.9, 0, [4.0, 4.0, 0.0])))
    assert state.embeds.tolist() == [[4.0, 4.0 * momentum, 0.0]]


def test_classes_do_not_mix():
    second = frame((LEFT, 0.9, 1, A))
    for with_cats, expected in [(True, 1), (False, 0)]:
        tracker, state = PromptQuasiDenseTracker(with_cats=with_cats), TrackMemory()
        associate(tracker, state, frame((LEFT, 0.9, 0, A)))
        assert ids_of(tracker, state, second) == {0: expected}
        assert state.labels.tolist() == ([0, 1] if with_cats else [1])


def test_a_double_box_is_dropped_by_the_limit_of_its_score():
    near = [0, 0, 10, 20]  # IoU 0.5 with LEFT
    tracker = PromptQuasiDenseTracker(init_score_thr=0.1)
    strong = frame((LEFT, 0.9, 0, A), (near, 0.8, 0, B))
    weak = frame((LEFT, 0.9, 0, A), (near, 0.2, 0, B))
    assert ids_of(tracker, TrackMemory(), strong) == {0: 0, 1: 1}
    assert ids_of(tracker, TrackMemory(), weak) == {0: 0}


def test_a_backdrop_keeps_a_distractor_from_taking_the_track_over():
    """Frame 1: a weak distractor C. Frame 2: only the distractor, now strong."""
    found = {}
    like_c = [5.0, 0.0, 9.0]
    for frames in (0, 1):
        tracker = PromptQuasiDenseTracker(memo_backdrop_frames=frames)
        state = TrackMemory()
        associate(tracker, state, frame((LEFT, 0.9, 0, A), (FAR, 0.35, 0, C)))
        assert len(state.backdrop_embeds) == frames
        found[frames] = ids_of(tracker, state, frame((FAR, 0.9, 0, like_c)))
    assert found == {0: {0: 0}, 1: {0: 1}}


def test_a_weak_double_of_a_track_is_neither_track_nor_backdrop():
    tracker, state = PromptQuasiDenseTracker(match_score_thr=0.6), TrackMemory()
    associate(tracker, state, frame((LEFT, 0.9, 0, A)))
    weak = frame((FAR, 0.25, 0, A), (RIGHT, 0.2, 0, B))
    assert ids_of(tracker, state, weak) == {}
    assert state.backdrop_embeds.tolist() == [B]


def test_a_backdrop_does_not_overlap_with_anything_better():
    tracker = PromptQuasiDenseTracker(nms_class_iou_thr=0.9)
    state, near = TrackMemory(), [0, 0, 10, 20]
    associate(
        tracker, state, frame((LEFT, 0.9, 0, A), (near, 0.35, 0, B), (FAR, 0.1, 0, C))
    )
    assert state.backdrop_embeds.tolist() == [C]


def test_a_lonely_detection_continues_a_lonely_track():
    """As published: with one candidate on each side, bi-softmax is 1 for anything."""
    tracker, state = PromptQuasiDenseTracker(), TrackMemory()
    associate(tracker, state, frame((LEFT, 0.9, 0, A)))
    assert ids_of(tracker, state, frame((FAR, 0.9, 0, B))) == {0: 0}


def test_saved_in_mid_video_and_restored():
    tracker = PromptQuasiDenseTracker()
    generator = torch.Generator().manual_seed(3)
    frames = [random_frame(generator) for _ in range(12)]
    state = TrackMemory()
    for detections in frames[:6]:
        associate(tracker, state, detections)
    file = io.BytesIO()
    torch.save(state.state_dict(), file)
    file.seek(0)
    restored = TrackMemory.from_state_dict(torch.load(file, weights_only=True))
    restored.counter = IdCounter(state.counter.next_id)
    for detections in frames[6:]:
        ids = associate(tracker, state, detections)[1]
        assert associate(tracker, restored, detections)[1].tolist() == ids.tolist()


def test_memory_is_flat_over_500_frames():
    tracker, state = PromptQuasiDenseTracker(), TrackMemory()
    generator = torch.Generator().manual_seed(4)
    sizes = []
    for _ in range(500):
        detections = random_frame(generator)
        detections.embeds = torch.randn(9, 8, generator=generator) * 3  # no re-entry
        associate(tracker, state, detections)
        sizes.append(
            sum(v.numel() for v in vars(state).values() if isinstance(v, torch.Tensor))
        )
    assert state.counter.next_id > 300
    assert max(sizes[250:]) <= max(sizes[10:250]) * 1.2
    assert len(state) <= 9 * tracker.memo_tracklet_frames


def test_the_state_before_is_a_copy_away():
    tracker, state = PromptQuasiDenseTracker(memo_momentum=0.5), TrackMemory()
    associate(tracker, state, frame((LEFT, 0.9, 0, A), (RIGHT, 0.8, 0, B)))
    before = replace(state)
    kept = before.embeds.clone()
    associate(tracker, state, frame((LEFT, 0.9, 0, B), (RIGHT, 0.8, 0, A)))
    assert torch.equal(before.embeds, kept)
    assert before.frame == 1


def test_embeddings_in_half_precision_do_not_overflow():
    tracker, state = PromptQuasiDenseTracker(), TrackMemory()
    detections = frame((LEFT, 0.9, 0, [300.0, 0, 0]), (RIGHT, 0.8, 0, [0, 300.0, 0]))
    detections.embeds = detections.embeds.half()
    for _ in range(2):
        assert ids_of(tracker, state, detections) == {0: 0, 1: 1}
