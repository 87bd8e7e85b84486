from __future__ import annotations

import math

import pytest
import torch

from uninext.structures import Template, VisualPrompt

HEIGHT, WIDTH = 20, 30


def frame() -> torch.Tensor:
    """No pixel is 0: zeros of a template are outside of it."""
    return torch.randint(1, 256, (3, HEIGHT, WIDTH)).float()


def cut(box, mask=None, image=None, **kwargs) -> Template:
    image = frame() if image is None else image
    return Template.from_frame(image, torch.tensor(box), mask, **kwargs)


def side_of(box, context: float = 2.0) -> int:
    x1, y1, x2, y2 = box
    return math.ceil(math.sqrt((x2 - x1) * (y2 - y1)) * context)


def corner_of(box, side: int) -> tuple[int, int]:
    """Left and top of the window around the centre of the box."""
    x1, y1, x2, y2 = box
    return round((x1 + x2 - side) / 2), round((y1 + y2 - side) / 2)


def by_hand(box, side, value) -> torch.Tensor:
    """(side, side) of ``value(x, y)`` in the frame, pixel by pixel."""
    left, top = corner_of(box, side)
    rows = [[value(left + j, top + i) for j in range(side)] for i in range(side)]
    return torch.tensor(rows)


def is_shown(x: int, y: int) -> bool:
    """The last row and the last column of a frame never are."""
    return 0 <= x < WIDTH - 1 and 0 <= y < HEIGHT - 1


BOXES = {
    'inside': (10.0, 6.0, 16.0, 12.0),
    'wide': (8.0, 9.0, 20.0, 12.0),
    'fractions': (10.3, 6.7, 14.9, 11.2),
    'at the corner': (0.0, 0.0, 5.0, 4.0),
    'over the left border': (-4.0, 3.0, 3.0, 9.0),
    'over the lower right corner': (25.0, 15.0, 34.0, 24.0),
    'touching the right border': (22.0, 8.0, 26.0, 12.0),
    'whole frame': (0.0, 0.0, 30.0, 20.0),
    'one pixel': (3.0, 3.0, 4.0, 4.0),
}


@pytest.mark.parametrize('box', BOXES.values(), ids=BOXES)
@pytest.mark.parametrize('context', [1.0, 2.0])
def test_every_pixel_of_the_window(box, context) -> None:
    """Cut at its own size, a template is the window."""
    image, mask = frame(), torch.rand(HEIGHT, WIDTH) > 0.5
    side = side_of(box, context)
    template = cut(box, mask, image, context=context, size=side)
    assert template.size == side
    for channel in range(3):
        expected = by_hand(
            box,
            side,
            lambda x, y, c=channel: float(image[c, y, x]) if is_shown(x, y) else 0.0,
        )
        assert torch.equal(template.image[channel], expected)
    padding = by_hand(box, side, lambda x, y: float(not is_shown(x, y)))
    assert torch.equal(template.padding, padding)
    prior = by_hand(box, side, lambda x, y: float(is_shown(x, y) and mask[y, x]))
    assert torch.equal(template.prior, prior)


@pytest.mark.parametrize('box', BOXES.values(), ids=BOXES)
def test_prior_without_a_mask_is_the_box(box) -> None:
    """Beyond the border of the frame too."""
    side = side_of(box)
    left, top = corner_of(box, side)
    box = torch.tensor(box).tolist()  # as float32
    x1, y1 = round(box[0] - left), round(box[1] - top)
    x2, y2 = round(x1 + (box[2] - box[0])), round(y1 + (box[3] - box[1]))
    rows = [
        [float(x1 <= j < x2 and y1 <= i < y2) for j in range(side)] for i in range(side)
    ]
    template = cut(box, size=side)
    assert torch.equal(template.prior, torch.tensor(rows))
    assert template.prior.sum() > 0


def test_sides_of_the_box_are_added_to_its_rounded_corner() -> None:
    """As published; rounding both ends is another box in many of these cases."""
    differ = 0
    for x1, y1, w, h in (torch.rand(200, 4) * 8 + 3).tolist():
        box = torch.tensor([x1, y1, x1 + w, y1 + h]).tolist()  # as float32
        w, h = box[2] - box[0], box[3] - box[1]
        side = math.ceil(math.sqrt(w * h) * 2)
        x, y = (
            box[i] - round(box[i] + 0.5 * s - 0.5 * side) for i, s in enumerate((w, h))
        )
        expected = torch.zeros(side, side)
        right, bottom = round(round(x) + w), round(round(y) + h)
        expected[round(y) : bottom, round(x) : right] = 1
        assert torch.equal(cut(box, size=side).prior, expected)
        differ += (right, bottom) != (round(x + w), round(y + h))
    assert differ > 50


@pytest.mark.parametrize('box', BOXES.values(), ids=BOXES)
def test_a_frame_that_is_padded_for_the_network(box) -> None:
    """As published: it does not lose a row and a column at its own border."""
    image, mask = frame(), torch.rand(HEIGHT, WIDTH) > 0.5
    side = side_of(box)
    template = cut(box, mask, image, size=side, pad_divisor=16)  # 32 x 32

    def shown(x: int, y: int) -> bool:
        return 0 <= x < WIDTH and 0 <= y < HEIGHT

    def value(x: int, y: int) -> float:
        return float(image[1, y, x]) if shown(x, y) else 0.0

    assert torch.equal(template.image[1], by_hand(box, side, value))
    padding = by_hand(box, side, lambda x, y: float(not shown(x, y)))
    assert torch.equal(template.padding, padding)
    prior = by_hand(box, side, lambda x, y: float(shown(x, y) and mask[y, x]))
    assert torch.equal(template.prior, prior)


def test_context_is_relative_to_the_target() -> None:
    """Of a square target it takes context ** -2 of the template."""
    for context in (1.5, 2.0, 4.0):
        template = cut((10.0, 6.0, 16.0, 12.0), context=context, size=240)
        assert template.prior.mean() == pytest.approx(context**-2, rel=0.05)


def test_resized_values_stay_in_range() -> None:
    mask = torch.rand(HEIGHT, WIDTH) > 0.5
    template = cut(BOXES['over the left border'], mask, size=33)
    assert template.image.shape == (3, 33, 33)
    assert template.padding.shape == template.prior.shape == (33, 33)
    for part, high in ((template.image, 255), (template.padding, 1)):
        assert 0 == part.min() < part.max() <= high
    assert ((template.prior > 0) & (template.prior < 1)).any(), 'soft values are kept'
    assert (template.image[:, template.padding == 1] == 0).all()


def test_number_type_of_the_frame_does_not_matter() -> None:
    image = frame()
    expected = cut(BOXES['wide'], image=image, size=16)
    for dtype in (torch.uint8, torch.float64):
        template = cut(BOXES['wide'], image=image.to(dtype), size=16)
        assert template.image.dtype == torch.float32
        assert torch.equal(template.image, expected.image)
        assert torch.equal(template.padding, expected.padding)


def test_frame_stays_as_it_is() -> None:
    image, mask = frame(), torch.ones(HEIGHT, WIDTH)
    before = image.clone()
    cut(BOXES['whole frame'], mask, image)
    assert torch.equal(image, before)
    assert mask.all()


@pytest.mark.parametrize(
    ('box', 'message'),
    [
        ((4.0, 4.0, 4.0, 9.0), r'empty or not finite.*\(4, 4, 4, 9\)'),
        ((9.0, 4.0, 4.0, 9.0), 'empty or not finite'),
        ((4.0, 9.0, 9.0, 4.0), 'empty or not finite'),
        ((float('nan'), 4.0, 8.0, 9.0), 'empty or not finite'),
        ((4.0, 4.0, float('inf'), 9.0), 'empty or not finite'),
        ((-5.0, 4.0, 0.0, 9.0), r'outside its frame.*30x20'),
        ((4.0, -5.0, 8.0, 0.0), 'outside its frame'),
        ((30.0, 4.0, 34.0, 9.0), 'outside its frame'),
        ((4.0, 20.0, 8.0, 29.0), 'outside its frame'),
    ],
    ids=['no width', 'x', 'y', 'nan', 'inf', 'left', 'above', 'right', 'below'],
)
def test_wrong_box(box, message) -> None:
    with pytest.raises(ValueError, match=message):
        cut(box)


@pytest.mark.parametrize('size', [(30, 20), (19, 30), (1, 20, 30)])
def test_mask_of_another_frame(size) -> None:
    with pytest.raises(ValueError, match=r'mask of a target.*\(20, 30\)'):
        cut(BOXES['inside'], torch.ones(size))


def test_compared_by_identity() -> None:
    image = frame()
    one, other = (cut(BOXES['inside'], image=image, size=8) for _ in range(2))
    assert torch.equal(one.image, other.image)
    assert one != other
    assert len({one, other, one}) == 2
    assert one.to('cpu') is one
    moved = one.to('meta')
    assert moved is not one
    assert moved.image.device.type == moved.padding.device.type == 'meta'
    assert moved.prior.device.type == 'meta'


def test_the_first_gpu_has_two_names() -> None:
    """'cuda' may be 'cuda:0': a template that is there is not copied each frame."""

    class Stays(torch.Tensor):
        def to(self, device) -> torch.Tensor:
            return self if torch.device(device).type == 'cuda' else super().to(device)

        @property
        def device(self) -> torch.device:
            return torch.device('cuda:0')

    parts = (torch.zeros(3, 4, 4), torch.zeros(4, 4), torch.zeros(4, 4))
    template = Template(*(part.as_subclass(Stays) for part in parts))
    assert template.to('cuda') is template.to('cuda:0') is template


def test_visual_prompt() -> None:
    first, second = cut(BOXES['inside'], size=8), cut(BOXES['wide'], size=8)
    prompt = VisualPrompt((first,))
    assert prompt.pooled is True
    assert len(prompt) == len(prompt.names) == 1
    assert VisualPrompt((first, second), names=('zebra',)).names == ('zebra',)
    assert hash(prompt) is not None


def test_visual_prompt_without_a_template() -> None:
    with pytest.raises(ValueError, match='at least one template'):
        VisualPrompt(())


@pytest.mark.parametrize('names', [(), ('dog', 'cat')])
def test_visual_prompt_is_one_target(names) -> None:
    with pytest.raises(ValueError, match='one target, with one name'):
        VisualPrompt((cut(BOXES['inside'], size=8),), names)
