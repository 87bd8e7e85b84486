from __future__ import annotations

import numpy as np
import pytest
import torch

from uninext.testing.stored_numbers import (
    Comparison,
    StoredNumbers,
    relative_error,
)


def test_empty_arrays_agree() -> None:
    assert relative_error(np.zeros(0), np.zeros(0)) == 0


def test_relative_error() -> None:
    assert relative_error(np.array([1.0, 2.0]), np.array([1.0, -4.0])) == 1.5
    assert relative_error(np.array([0.5]), np.array([0.0])) == 0.5
    assert np.isnan(relative_error(np.array([np.nan]), np.array([1.0])))


def test_nan_never_passes() -> None:
    assert not Comparison('a', (1,), float('nan'), 1e-4).passed
    assert 'FAIL' in Comparison('a', (2, 3), 1.0, 1e-4, 'why').line()
    assert Comparison('a', (), 0.0, 1e-4).line().split() == ['a', 'scalar', '0.00e+00']


def test_thinned_arrays_and_masks() -> None:
    full = torch.arange(24.0).view(2, 3, 4)
    arrays = {
        'p/x': full.reshape(-1)[::5].numpy(),
        'p/x/shape': np.array([2, 3, 4]),
        'p/x/step': np.array(5),
        'image': np.zeros(3),
    }
    numbers = StoredNumbers(arrays)
    assert numbers.names == ['p/x', 'image']
    assert numbers.groups() == ['p']
    assert numbers.error('p/x', full) == 0
    wrong = full.clone()
    wrong[1, 2, 0] += 20.0  # number 20 is stored, the row of 8 to 11 only has 10
    assert numbers.error('p/x', wrong) == 1
    keep = torch.tensor([True, True, False]).view(1, 3, 1)
    assert numbers.error('p/x', wrong, keep) == 0
    assert numbers.error('p/x', full[:1]) == float('inf')
    with pytest.raises(ValueError, match="no array 'p/y'"):
        numbers['p/y']


def test_files(tmp_path) -> None:
    path = tmp_path / 'numbers.npz'
    np.savez(path, a=np.ones(2))
    assert StoredNumbers.load(path)['a'].tolist() == [1, 1]
    with pytest.raises(ValueError, match='not a file'):
        StoredNumbers.load(tmp_path / 'gone.npz')
    path.write_bytes(b'no archive')
    with pytest.raises(ValueError, match='no npz'):
        StoredNumbers.load(path)
    np.savez(path, a=np.array([print], dtype=object))
    with pytest.raises(ValueError, match='plain arrays'):
        StoredNumbers.load(path)
