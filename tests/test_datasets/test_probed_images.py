from __future__ import annotations

import pytest

from uninext.datasets.image_files import check_image_files, probed_places
from uninext.formats.errors import DatasetError


@pytest.mark.parametrize('length', [0, 1, 5, 20, 21])
def test_all_of_a_few_are_probed(length):
    assert probed_places(length) == list(range(length))


@pytest.mark.parametrize('length', [22, 100, 118_287])
def test_of_many_some_are_probed_evenly_from_the_first(length):
    places = probed_places(length)
    assert len(places) == 21
    assert places[0] == 0
    steps = {after - before for before, after in zip(places, places[1:])}
    assert steps <= {length // 21, length // 21 + 1}
    assert length - length // 21 - 1 <= places[-1] < length


def test_what_is_absent_is_counted(tmp_path):
    check_image_files([], 'a.json')
    paths = [str(tmp_path / f'{i}.png') for i in range(3)]
    (tmp_path / '0.png').touch()
    with pytest.raises(DatasetError, match=r'image .*1\.png does not exist \(2 of 3'):
        check_image_files(paths, 'a.json')
    with pytest.raises(DatasetError, match=r'folder .*elsewhere does not .*\(1 of 1'):
        check_image_files([str(tmp_path / 'elsewhere/0.png')], 'a.json')
    for path in paths:
        open(path, 'w').close()
    check_image_files(paths, 'a.json')
