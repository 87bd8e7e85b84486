from __future__ import annotations

import numpy as np
import pytest
import torch
from skimage.color import rgb2lab

from uninext.models.losses import color_similarity

NEIGHBOURS = [(dy, dx) for dy in (-2, 0, 2) for dx in (-2, 0, 2) if (dy, dx) != (0, 0)]


def _oracle(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Pixel by pixel; image (3, H, W) uint8."""
    _, height, width = image.shape
    small = image.reshape(3, height // 4, 4, width // 4, 4).astype(np.float64)
    small = small.mean((2, 4)).astype(np.uint8).transpose(1, 2, 0)
    lab = rgb2lab(small[..., ::-1])
    valid = mask[2::4, 2::4]
    h, w, _ = lab.shape
    out = np.zeros((8, h, w))
    for y, x in np.ndindex(h, w):
        colors, weights = np.zeros((8, 3)), np.zeros(8)
        for k, (dy, dx) in enumerate(NEIGHBOURS):
            if 0 <= y + dy < h and 0 <= x + dx < w:
                colors[k], weights[k] = lab[y + dy, x + dx], valid[y + dy, x + dx]
        distance = np.sqrt(((colors - lab[y, x]) ** 2).sum(1))
        out[:, y, x] = np.exp(-0.5 * distance) * weights.max()
    return out


@pytest.mark.parametrize('dtype', [torch.uint8, torch.float32])
def test_equals_the_oracle(dtype: torch.dtype) -> None:
    image = torch.randint(0, 8, (3, 32, 24), dtype=torch.uint8) + 100
    image[:, :, 20:] = 0
    mask = torch.zeros(32, 24)
    mask[:20, :17] = 1
    similarity = color_similarity(image.to(dtype), mask)
    expected = _oracle(image.numpy(), mask.numpy())
    assert similarity.dtype == torch.float32
    np.testing.assert_allclose(similarity.numpy(), expected, atol=1e-5)


def test_one_colour_is_alike_inside_and_unlike_outside() -> None:
    image = torch.full((3, 40, 40), 200, dtype=torch.uint8)
    similarity = color_similarity(image, torch.ones(40, 40))
    assert (similarity[:, 2:-2, 2:-2] == 1).all()
    assert (similarity[0, :2] < 0.3).all()  # the neighbour lies outside: black


def test_nothing_valid_is_all_zero() -> None:
    image = torch.randint(0, 255, (3, 16, 16), dtype=torch.uint8)
    assert (color_similarity(image, torch.zeros(16, 16)) == 0).all()


def test_errors_name_the_sizes() -> None:
    with pytest.raises(ValueError, match='multiples of 4, got an image of 30 x 32'):
        color_similarity(torch.zeros(3, 30, 32), torch.zeros(30, 32))
    with pytest.raises(ValueError, match='img_mask must have the size'):
        color_similarity(torch.zeros(3, 32, 32), torch.zeros(8, 8))
