from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

from helpers.painted_world import (
    HEIGHT,
    WIDTH,
    PaintedBoxes,
    box_mask,
    painted,
    row_outputs,
)
from uninext.models.trackers import PromptState, TemplateTracker, VideoFrame
from uninext.models.trackers.base import TrackedPrompt
from uninext.structures import Target, Template

A, B = (8, 16, 40, 48), (24, 16, 72, 40)
MERGE = dict(type='SoftAggregation')
PERIODIC = dict(type='PeriodicTemplateUpdate', interval=1)
CONFIDENT = dict(type='ConfidentTemplateUpdate')


def tracker(**kwargs) -> TemplateTracker:
    return TemplateTracker(**{**dict(template_size=64), **kwargs})


def video_frame(
    size_hw=(HEIGHT, WIDTH), out_hw=(HEIGHT, WIDTH), with_masks=True
) -> VideoFrame:
    image = (torch.rand(3, *size_hw) * 255).to(torch.uint8)
    return VideoFrame(image, out_hw, PaintedBoxes() if with_masks else None)


def shown(one, target, frame, track_id=0, found=()) -> TrackedPrompt:
    """A target in the frame that shows it."""
    state = PromptState('mask', None, one.show(target, frame), track_id)
    return TrackedPrompt(state, list(found), target=target)


def later(prompt, box, score=0.8, size_hw=(HEIGHT, WIDTH)) -> TrackedPrompt:
    """The same prompt in another frame, where ``box`` in reported pixels is found."""
    found = row_outputs([[0.1], [score]], [(0, 0, 8, 8), box], size_hw=size_hw)
    return TrackedPrompt(prompt.state, [found])


def step(one, frame, *prompts):
    return one.step(prompts, frame)


@pytest.fixture
def cut(monkeypatch):
    """Arguments of every template that is cut out."""
    calls = []
    from_frame = Template.from_frame

    def spy(image, box, mask=None, **sizes):
        calls.append((image, box, mask, sizes))
        return from_frame(image, box, mask, **sizes)

    monkeypatch.setattr(Template, 'from_frame', spy)
    return calls


def box(*values) -> Target:
    return Target(torch.tensor(values).float())


# ---------------------------------------------------------------- a target is shown


@pytest.mark.parametrize('merge', [None, MERGE])
def test_no_target(merge):
    assert step(tracker(merge=merge), video_frame()) == []


def test_template_is_cut_out_of_the_networks_frame(cut):
    frame = video_frame((32, 64), (64, 256))
    memory = tracker().show(box(40, 10, 80, 30), frame)
    image, where, mask, sizes = cut[0]
    assert image is frame.image
    assert where.tolist() == [10, 5, 20, 15]
    assert mask is None
    assert sizes == dict(size=64, pad_divisor=1)
    assert memory.templates == (memory.first,)
    assert memory.first.size == 64
    assert memory.frame == 0


def test_mask_is_brought_to_the_networks_frame(cut):
    frame = video_frame((32, 64), (64, 128))
    mask = box_mask((16, 8, 40, 24))
    tracker().show(Target(mask=mask), frame)
    _, where, small, _ = cut[0]
    assert where.tolist() == [8, 4, 20, 12]
    assert torch.equal(small, mask[1::2, 1::2])


def random_mask(size_hw) -> torch.Tensor:
    """(H, W) bool, a rectangle with holes."""
    height, width = size_hw
    (y, x), (h, w) = torch.rand(2).tolist(), (torch.rand(2) * 0.4 + 0.1).tolist()
    y, x = int(y * height * 0.5), int(x * width * 0.5)
    mask = torch.zeros(size_hw, dtype=torch.bool)
    part = mask[y : y + int(h * height), x : x + int(w * width)]
    part[:] = torch.rand(part.shape) > 0.3
    return mask


def test_a_shown_mask_is_resized_as_pil_does_and_then_gives_the_box(cut):
    """As published; 97ef9bd took the box before, without + 1, and torch's nearest."""
    differ = 0
    for _ in range(40):
        full = tuple(torch.randint(60, 200, (2,)).tolist())
        frame = video_frame(tuple(torch.randint(30, 60, (2,)).tolist()), full)
        mask = random_mask(full)
        tracker().show(Target(mask=mask), frame)
        _, where, small, _ = cut[-1]
        image = Image.fromarray(mask.numpy().astype(np.uint8))
        expected = np.asarray(image.resize(frame.size_hw[::-1], Image.NEAREST)) > 0
        assert np.array_equal(small.numpy(), expected)
        rows, columns = (np.flatnonzero(expected.any(axis)) for axis in (1, 0))
        assert where.tolist() == [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]
        scaled = Target(mask=mask).box() / torch.tensor(full[::-1] * 2)
        scaled = scaled * torch.tensor(frame.size_hw[::-1] * 2)
        differ += scaled.tolist() != where.tolist()
    assert differ > 20


def test_where_a_box_is_given_with_the_mask_it_counts(cut):
    frame = video_frame((32, 64), (64, 128))
    mask = box_mask((16, 8, 40, 24))
    tracker().show(Target(torch.tensor([10.0, 10, 50, 30]), mask), frame)
    assert cut[0][1].tolist() == [5, 5, 25, 15]


def test_a_mask_thinner_than_a_pixel_counts_as_its_box(cut):
    frame = video_frame((16, 32), (64, 128))
    mask = torch.zeros(64, 128, dtype=torch.bool)
    mask[33, 10:30] = True
    memory = tracker().show(Target(mask=mask), frame)
    assert cut[0][1].tolist() == [2, 8, 8, 9]
    assert cut[0][2] is None
    assert memory.first.prior.any()
    prompt = TrackedPrompt(PromptState('mask', None, memory, 0), [], Target(mask=mask))
    (result,) = step(tracker(), frame, prompt)
    assert torch.equal(result.masks[0], mask)


@pytest.mark.parametrize(
    'values',
    [(-9, 3, -1, 9), (128, 3, 130, 9), (3, -9, 9, -1), (3, 64, 9, 70)],
)
def test_a_box_outside_the_frame(values):
    with pytest.raises(ValueError, match='outside'):
        tracker().show(box(*values), video_frame())


@pytest.mark.parametrize('size_hw', [(32, 48), (WIDTH, HEIGHT), (HEIGHT, WIDTH + 1)])
def test_a_mask_of_the_wrong_size(size_hw):
    target = Target(mask=torch.ones(size_hw, dtype=torch.bool))
    with pytest.raises(ValueError, match='width x height'):
        tracker().show(target, video_frame())


def test_the_shown_mask_is_the_result():
    one, frame = tracker(update=CONFIDENT), video_frame()
    target = Target(mask=box_mask(A) & (torch.rand(HEIGHT, WIDTH) > 0.5))
    prompt = shown(one, target, frame, track_id=3)
    (result,) = step(one, frame, prompt)
    assert torch.equal(result.masks, target.mask[None])
    assert torch.equal(result.bboxes, target.box()[None])
    assert result.scores.tolist() == [1]
    assert result.labels.tolist() == [0]
    assert result.instances_ids.tolist() == [3]
    assert not frame.mask_head.centres
    assert prompt.state.memory.latest is None
    assert prompt.state.memory.frame == 0


def test_a_shown_mask_may_make_the_round_trip_of_the_published_code():
    """Nearest to the network's input, bilinear back to the frame, above one half."""
    frame = video_frame((20, 33), (47, 80))
    target = Target(mask=random_mask((47, 80)))
    one = tracker(shown_mask='round_trip', merge=MERGE)
    (result,) = step(one, frame, shown(one, target, frame))
    given = Image.fromarray(target.mask.numpy().astype(np.uint8))
    small = np.asarray(given.resize((33, 20), Image.NEAREST)).astype(np.float32)
    back = np.asarray(Image.fromarray(small).resize((80, 47), Image.BILINEAR))
    assert np.array_equal(result.masks[0].numpy(), back > 0.5)
    assert not torch.equal(result.masks[0], target.mask)
    exact = tracker(merge=MERGE)
    (result,) = step(exact, frame, shown(exact, target, frame))
    assert torch.equal(result.masks[0], target.mask)


def test_what_is_reported_of_a_shown_mask_has_two_ways():
    with pytest.raises(ValueError, match="'exact', 'round_trip'.*'bilinear'"):
        tracker(shown_mask='bilinear')


def test_the_shown_box_is_the_result_its_mask_is_predicted():
    one, frame = tracker(), video_frame()
    found = row_outputs([[0.1], [0.7]], [(0, 0, 8, 8), A])
    (result,) = step(one, frame, shown(one, box(-9, 9, 200, 30), frame, found=[found]))
    assert result.bboxes.tolist() == [[0, 9, WIDTH, 30]]
    assert result.scores.tolist() == [1]
    assert torch.equal(result.masks, painted(A)[None])


def test_templates_are_cut_out_of_the_padded_frame():
    """ConvNeXt and ViT see frames padded to 32; 97ef9bd cut out of the frame itself."""
    image = (torch.rand(3, 40, 50) * 255).to(torch.uint8)
    frame = VideoFrame(image, (40, 50), None, pad_divisor=32)
    values = torch.tensor([30.0, 20, 50, 40])
    one = tracker(update=PERIODIC, with_masks=False)
    prompt = shown(one, Target(values), frame)
    padded = Template.from_frame(image, values, size=64, pad_divisor=32)
    plain = Template.from_frame(image, values, size=64)
    assert torch.equal(prompt.state.memory.first.image, padded.image)
    assert not torch.equal(plain.image, padded.image)
    found = later(prompt, values.tolist(), size_hw=(40, 50))
    step(one, frame, found)
    torch.testing.assert_close(prompt.state.memory.latest.image, padded.image)


# -------------------------------------------------------------------------- later on


def test_asks_with_the_first_and_the_latest_template():
    one = tracker(update=PERIODIC)
    frame = video_frame()
    prompt = shown(one, box(*A), frame)
    first = prompt.state.memory.first
    assert one.ask(prompt.state).templates == (first,)
    step(one, video_frame(), later(prompt, B))
    asked = one.ask(prompt.state).templates
    assert asked[0] is first
    assert asked[1] is prompt.state.memory.latest


def test_without_update_the_first_template_stays():
    one, frame = tracker(), video_frame()
    prompt = shown(one, box(*A), frame)
    step(one, frame, later(prompt, B, 0.99))
    assert prompt.state.memory.templates == (prompt.state.memory.first,)


@pytest.mark.parametrize(
    ('update', 'expected', 'has_mask'),
    [(PERIODIC, [4, 8, 20, 24], False), (CONFIDENT, [4, 8, 19.5, 23.5], True)],
    ids=['box', 'mask'],
)
def test_new_templates_are_cut_in_the_networks_frame(cut, update, expected, has_mask):
    """Twice the size is reported: (8, 16, 40, 48)."""
    one, frame = tracker(update=update), video_frame((32, 64), (64, 128))
    prompt = shown(one, box(*A), frame)
    asked = later(prompt, A)
    asked.found[0].mask_feat = torch.zeros(1, 4, 8)
    (result,) = step(one, frame, asked)
    assert result.bboxes.tolist() == [list(A)]
    image, where, mask, sizes = cut[1]
    assert image is frame.image
    assert where.tolist() == expected
    assert sizes == dict(size=64, pad_divisor=1)
    assert (mask is not None) == has_mask
    if has_mask:
        assert torch.equal(mask, result.masks[0, ::2, ::2])


# ------------------------------------------------------------------- several targets


def test_targets_share_pixels_only_if_merged():
    one, frame = tracker(), video_frame()
    prompts = [shown(one, box(*b), frame, i) for i, b in enumerate((A, B))]
    asked = [later(p, b) for p, b in zip(prompts, (A, B))]
    first, second = step(one, frame, *asked)
    assert torch.equal(first.masks, painted(A)[None])
    assert torch.equal(second.masks, painted(B)[None])
    merged = step(tracker(merge=MERGE), frame, *asked)
    a, b = (r.masks[0] for r in merged)
    assert torch.equal(a | b, painted(A) | painted(B))
    assert not (a & b).any()
    assert [r.instances_ids.tolist() for r in merged] == [[0], [1]]
    assert merged[1].bboxes.tolist() == [list(B)]


def test_a_shown_mask_wins_over_what_is_predicted():
    one, frame = tracker(merge=MERGE), video_frame()
    old = later(shown(one, box(*A), frame, 0), A, 0.99)
    new = shown(one, Target(mask=box_mask(B)), frame, 1)
    first, second = step(one, frame, old, new)
    assert torch.equal(second.masks, box_mask(B)[None])
    assert torch.equal(first.masks, (painted(A) & ~box_mask(B))[None])


def test_two_targets_are_not_one_instance_if_they_must_be_distinct():
    one, frame = tracker(distinct_iou=0.7), video_frame()
    prompts = [shown(one, box(*b), frame, i) for i, b in enumerate((A, B))]
    found = [row_outputs([[s], [0.8]], [A, B]) for s in (0.7, 0.1)]  # both want B
    asked = [TrackedPrompt(p.state, [f]) for p, f in zip(prompts, found)]
    first, second = step(one, frame, *asked)
    assert first.bboxes.tolist() == [list(A)]
    assert first.scores.tolist() == pytest.approx([0.7])
    assert torch.equal(first.masks, painted(A)[None])
    assert second.bboxes.tolist() == [list(B)]
    published = step(tracker(), frame, *asked)
    assert [r.bboxes.tolist() for r in published] == [[list(B)]] * 2


def test_distinct_targets_leave_alone_what_is_shown_in_the_frame():
    one, frame = tracker(distinct_iou=0.7), video_frame()
    state = shown(one, box(*A), frame, 0).state
    old = TrackedPrompt(state, [row_outputs([[0.3], [0.9]], [A, B])])
    new = shown(one, Target(mask=box_mask(B)), frame, 1)
    first, second = step(one, frame, old, new)
    assert first.bboxes.tolist() == [list(A)]
    assert torch.equal(second.masks, box_mask(B)[None])


def test_targets_that_are_not_found_are_blank():
    one = tracker(merge=dict(type='SoftAggregation', blank_score_thr=0.5))
    frame = video_frame()
    weak = later(shown(one, box(*A), frame, 0), A, 0.4)
    strong = later(shown(one, box(*B), frame, 1), B, 0.9)
    first, second = step(one, frame, weak, strong)
    assert not first.masks.any()
    assert first.scores.tolist() == pytest.approx([0.4])
    assert torch.equal(second.masks, painted(B)[None])


def test_new_templates_show_the_merged_mask(cut):
    one, frame = tracker(merge=MERGE, update=CONFIDENT), video_frame()
    old = later(shown(one, box(*A), frame, 0), A, 0.9)
    new = shown(one, Target(mask=box_mask(B)), frame, 1)
    step(one, frame, old, new)
    _, where, mask, _ = cut[-1]
    assert torch.equal(mask, painted(A) & ~box_mask(B))
    assert where.tolist() == [8, 16, 39, 47]
    assert len(cut) == 3


def test_a_covered_target_keeps_its_template():
    one, frame = tracker(merge=MERGE, update=CONFIDENT), video_frame()
    prompt = shown(one, box(*A), frame, 0)
    new = shown(one, Target(mask=box_mask((0, 0, 80, 60))), frame, 1)
    first, _ = step(one, frame, later(prompt, A, 0.9), new)
    assert not first.masks.any()
    assert prompt.state.memory.latest is None
