from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch
from mmdet.models.trackers import QuasiDenseTracker
from mmengine.structures import InstanceData

from helpers.session_checks import associate
from uninext.models.trackers import PromptQuasiDenseTracker
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


@pytest.mark.parametrize(
    'setting',
    [{'memo_momentum': 1.5}, {'keep_lost': 0}, {'memo_backdrop_frames': -1}],
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
        keep_lost=4,
        memo_backdrop_frames=backdrop_frames,
        memo_momentum=momentum,
        with_cats=with_cats,
    )
    ours, state = PromptQuasiDenseTracker(**settings), TrackMemory()
    settings['memo_tracklet_frames'] = settings.pop('keep_lost')  # mmdet's word
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
