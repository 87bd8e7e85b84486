from __future__ import annotations

import pytest
import torch
from mmengine.structures import InstanceData

from helpers.session_checks import associate
from uninext.models.trackers import IdCounter, VideoInstanceTracker
from uninext.structures import InstanceMemory

SIDE = 16


def mask(x: int, width: int = 4) -> torch.Tensor:
    out = torch.zeros(SIDE, SIDE, dtype=torch.bool)
    out[:, x : x + width] = True
    return out


def frame(*rows) -> InstanceData:
    """Rows are (mask, class scores, embedding); the score is the best class score."""
    masks, class_scores, embeds = zip(*rows) if rows else ([], [], [])
    class_scores = torch.tensor(class_scores, dtype=torch.float).reshape(-1, 2)
    return InstanceData(
        masks=torch.stack(masks) if rows else torch.zeros(0, SIDE, SIDE).bool(),
        class_scores=class_scores,
        scores=class_scores.max(1).values if rows else torch.zeros(0),
        embeds=torch.tensor(embeds, dtype=torch.float).reshape(-1, 3),
    )


A, B, C = [9.0, 0.0, 0.0], [0.0, 9.0, 0.0], [0.0, 0.0, 9.0]
TARGET = frame((mask(0), [0.9, 0.1], A))


def random_frame(generator: torch.Generator, objects: int = 6) -> InstanceData:
    n = int(torch.randint(objects + 1, (1,), generator=generator))
    chosen = torch.randperm(objects, generator=generator)[:n]
    place = torch.randint(0, 4, (n,), generator=generator) + 2 * chosen
    class_scores = torch.rand(n, 3, generator=generator) ** 2
    masks = torch.stack([mask(0), *(mask(int(x)) for x in place)])[1:]
    embeds = 2 * torch.eye(objects)[chosen]
    return InstanceData(
        masks=masks.float() - 0.5,
        class_scores=class_scores,
        scores=class_scores.max(1).values,
        embeds=embeds + torch.randn(n, objects, generator=generator),
    )


def ids_of(tracker, state, detections) -> dict[int, int]:
    step = associate(tracker, state, detections)
    return dict(zip(step.kept.tolist(), step.ids.tolist()))


ALL = dict(result_score_thr=-1.0)  # every name of a track is a result


def means_of(update) -> dict[int, torch.Tensor]:
    """Mean scores of both names of the tracks that ended; of :data:`ALL`."""
    results, means = update.results, {}
    for track, score in zip(results.instances_id.tolist(), results.scores):
        means[track] = torch.cat([means.get(track, results.scores[:0]), score[None]])
    return means


class WholeVideo:
    """The published bookkeeping in plain lists, over a whole video (method.md 5.6)."""

    def __init__(self) -> None:
        self.tracks: dict[int, dict] = {}
        self.video: dict[int, list] = {}
        self.count = 0
        self.frame = 0

    def step(self, d: InstanceData) -> dict[int, int]:
        alive = []
        for i in d.scores.argsort(descending=True).tolist():
            if all(self.iou(d.masks[i], d.masks[j]) <= 0.5 for j in alive):
                alive.append(i)
        ids = self.match([d.embeds[i] for i in alive])
        for rank, i in enumerate(alive):
            if ids[rank] is None and d.scores[i] > 0.2:
                ids[rank], self.count = self.count, self.count + 1
        for rank, i in enumerate(alive):
            if ids[rank] is not None:
                new = dict(embeds=[], scores=[], seen=0)
                track = self.tracks.setdefault(ids[rank], new)
                track['embeds'] = [*track['embeds'], d.embeds[i]][-3:]
                track['scores'] = [*track['scores'], float(d.scores[i])][-3:]
                track['seen'] += 1
                track['last'] = self.frame
        self.tracks = {
            k: t for k, t in self.tracks.items() if self.frame - t['last'] < 10
        }
        named = {i: ids[r] for r, i in enumerate(alive) if ids[r] is not None}
        for i, name in named.items():
            history = self.video.setdefault(name, [None] * self.frame)
            history.append(d.class_scores[i])
        for history in self.video.values():
            history += [None] * (self.frame + 1 - len(history))
        if self.frame > 8:
            self.video = {
                k: h
                for k, h in self.video.items()
                if not (h[-1] is h[-2] is None and sum(s is not None for s in h) < 3)
            }
        self.frame += 1
        return named

    def match(self, embeds: list) -> list:
        ids: list = [None] * len(embeds)
        if not self.tracks or not embeds:
            return ids
        memory = []
        for t in self.tracks.values():
            n = len(t['scores'])
            weights = [s + (k + 1) / n for k, s in enumerate(t['scores'])]
            total = sum(w * e for w, e in zip(weights, t['embeds']))
            memory.append(total / sum(weights))
        products = torch.stack(embeds) @ torch.stack(memory).T
        match = (products.softmax(0) + products.softmax(1)) / 2
        names = list(self.tracks)
        seen = torch.tensor([float(t['seen']) for t in self.tracks.values()])
        for i in range(len(ids)):
            row, strong = match[i].clone(), match[i] > 0.5
            if strong.sum() > 1:
                row[strong] *= seen[strong]
                row[~strong] *= seen[strong].mean()
            if row.max() > 0.5:
                ids[i] = names[int(row.argmax())]
                match[:, row.argmax()] = 0
        return ids

    def scores(self) -> dict[int, torch.Tensor]:
        valid = {k: [s for s in h if s is not None] for k, h in self.video.items()}
        return {k: torch.stack(s).mean(0) for k, s in valid.items()}

    @staticmethod
    def iou(a: torch.Tensor, b: torch.Tensor) -> float:
        a, b = a > 0, b > 0
        return int((a & b).sum()) / int((a | b).sum())


@pytest.mark.parametrize('setting', ['keep_lost', 'memory_len'])
def test_wrong_settings_are_refused(setting):
    with pytest.raises(ValueError, match=setting):
        VideoInstanceTracker(**{setting: 0})


@pytest.mark.parametrize('length', [1, 5, 9, 10, 11, 60])
@pytest.mark.parametrize('seed', [0, 1, 2])
def test_equals_the_bookkeeping_over_the_whole_video(length, seed):
    tracker, state, whole = VideoInstanceTracker(**ALL), InstanceMemory(), WholeVideo()
    generator = torch.Generator().manual_seed(seed)
    history: dict[int, list[int]] = {}
    final = {}
    for number in range(length):
        detections = random_frame(generator)
        step = associate(tracker, state, detections)
        found = dict(zip(step.kept.tolist(), step.ids.tolist()))
        assert found == whole.step(detections)
        for name in found.values():
            history.setdefault(name, []).append(number)
        for name in step.update.discarded.tolist():
            del history[name]
        final.update(means_of(step.update))
    final.update(means_of(tracker.finish(state)))
    expected = whole.scores()
    assert set(final) == set(expected) == set(history)
    for name, scores in expected.items():
        torch.testing.assert_close(final[name], scores)
        frames = [i for i, s in enumerate(whole.video[name]) if s is not None]
        assert history[name] == frames
    if length == 60:
        assert len(expected) < whole.count  # short ones were discarded


def test_order_of_the_detections_does_not_matter():
    tracker = VideoInstanceTracker()
    generator = torch.Generator().manual_seed(2)
    state, shuffled_state = InstanceMemory(), InstanceMemory()
    for _ in range(15):
        detections = random_frame(generator)
        order = torch.randperm(len(detections), generator=generator)
        step = associate(tracker, state, detections)
        shuffled = associate(tracker, shuffled_state, detections[order])
        assert order[shuffled.kept].tolist() == step.kept.tolist()
        assert shuffled.ids.tolist() == step.ids.tolist()


def test_a_track_ends_once_with_its_mean_and_its_id_is_not_used_again():
    tracker, state = VideoInstanceTracker(**ALL), InstanceMemory()
    for scores in ([0.9, 0.0], [0.6, 0.3], [0.3, 0.6]):
        associate(tracker, state, frame((mask(0), scores, A)))
    torch.testing.assert_close(
        state.mean_scores(torch.tensor([0])), torch.tensor([[0.6, 0.3]])
    )
    steps = [associate(tracker, state, frame()) for _ in range(12)]
    ended = [means_of(step.update) for step in steps]
    assert [len(means) for means in ended] == [0] * 9 + [1, 0, 0]
    torch.testing.assert_close(ended[9][0], torch.tensor([0.6, 0.3]))
    assert len(state) == len(tracker.finish(state).results) == 0
    assert ids_of(tracker, state, TARGET) == {0: 1}


def test_a_short_track_is_discarded_and_may_come_back():
    tracker, state = VideoInstanceTracker(**ALL), InstanceMemory()
    for _ in range(8):
        associate(tracker, state, frame())
    associate(tracker, state, TARGET)  # frame 8
    steps = [associate(tracker, state, frame()) for _ in range(3)]
    assert [step.update.discarded.tolist() for step in steps] == [[], [0], []]
    assert len(tracker.finish(state).results) == 0
    again = frame((mask(0), [0.3, 0.0], A))
    assert ids_of(tracker, state, again) == {0: 0}
    end = means_of(tracker.finish(state))
    torch.testing.assert_close(end[0], torch.tensor([0.3, 0.0]))


def test_every_name_above_the_threshold_is_a_result():
    tracker, state = VideoInstanceTracker(result_score_thr=0.25), InstanceMemory()
    both = frame((mask(0), [0.9, 0.5], A), (mask(8), [0.2, 0.7], B))
    associate(tracker, state, both)
    results = tracker.finish(state).results
    assert results.instances_id.tolist() == [0, 0, 1]
    assert results.labels.tolist() == [0, 1, 1]
    torch.testing.assert_close(results.scores, torch.tensor([0.9, 0.5, 0.7]))


def test_the_first_tracks_have_a_threshold_of_their_own():
    tracker = VideoInstanceTracker(init_score_thr=0.8, addnew_score_thr=0.4)
    state = InstanceMemory()
    weak = frame((mask(8), [0.5, 0.0], B))
    assert ids_of(tracker, state, weak) == {}
    assert ids_of(tracker, state, TARGET) == {0: 0}
    both = frame((mask(0), [0.9, 0.1], A), (mask(8), [0.5, 0.0], B))
    assert ids_of(tracker, state, both) == {0: 0, 1: 1}


def similar_tracks() -> InstanceMemory:
    """Track 0 seen 5 times, track 1 once; the second detection looks like both."""
    memory = InstanceMemory(
        ids=torch.tensor([0, 1]),
        embeds=torch.tensor([[[0.0, 2.0, 0.0]] * 3, [[0.0, 2.1, 0.0]] * 3]),
        embed_scores=torch.ones(2, 3),
        seen_frames=torch.tensor([5, 3]),
        last_frames=torch.tensor([4, 4]),
        score_sums=torch.ones(2, 2),
        valid_frames=torch.tensor([5, 3]),
        frame=5,
    )
    memory.counter = IdCounter(2)
    return memory


@pytest.mark.parametrize(('with_frame_weight', 'expected'), [(True, 0), (False, 1)])
def test_of_similar_tracks_the_one_seen_longer_wins(with_frame_weight, expected):
    tracker = VideoInstanceTracker(with_frame_weight=with_frame_weight)
    found = frame((mask(0), [0.9, 0.0], B), (mask(8), [0.1, 0.0], [0.0, -9.0, 0.0]))
    assert ids_of(tracker, similar_tracks(), found)[0] == expected


@pytest.mark.parametrize('with_temporal_weight', [True, False])
def test_memory_embedding_by_hand(with_temporal_weight):
    tracker = VideoInstanceTracker(with_temporal_weight=with_temporal_weight)
    state = InstanceMemory()
    rows = [([0.5, 0.0], A), ([0.8, 0.0], [8.0, 1.0, 0.0])]
    for scores, embed in rows:
        associate(tracker, state, frame((mask(0), scores, embed)))
    first, second = (0.5 + 1 / 2, 0.8 + 1) if with_temporal_weight else (0.5, 0.8)
    expected = [(first * 9 + second * 8) / (first + second)]
    expected += [second / (first + second), 0.0]
    torch.testing.assert_close(tracker._memory_embeds(state), torch.tensor([expected]))


def test_an_empty_mask_is_an_instance_once():
    nothing = torch.zeros(SIDE, SIDE, dtype=torch.bool)
    found = frame((nothing, [0.9, 0.0], A), (nothing, [0.8, 0.0], B))
    assert ids_of(VideoInstanceTracker(), InstanceMemory(), found) == {0: 0}
