from __future__ import annotations

import numpy as np
import pytest

from uninext.datasets import SamplingTable
from uninext.datasets.samplers import class_aware_weights


def table_of(*labels_per_image: tuple[int, ...]) -> SamplingTable:
    instances = [
        [dict(bbox_label=label, ignore_flag=0) for label in labels]
        for labels in labels_per_image
    ]
    return SamplingTable.from_infos(
        dict(width=1, height=1, instances=i) for i in instances
    )


@pytest.mark.parametrize('labels', [(), ((), ())])
def test_no_objects_is_an_error(labels):
    with pytest.raises(ValueError, match='needs objects'):
        class_aware_weights(table_of(*labels))


def test_weights_by_hand():
    # class 0 on 3 images, class 1 on 1, class 4 on 2; repeated objects count once
    table = table_of((0, 0, 1), (0,), (), (4, 0), (4,))
    expected = [1 / 3 + 1, 1 / 3, 0, 1 / 2 + 1 / 3, 1 / 2]
    assert np.allclose(class_aware_weights(table), expected)


def test_sum_is_the_number_of_classes():
    rng = np.random.RandomState(0)
    table = table_of(*(tuple(rng.randint(0, 30, rng.randint(0, 9))) for _ in range(99)))
    weights = class_aware_weights(table)
    assert np.isclose(weights.sum(), len(np.unique(table.labels)))
