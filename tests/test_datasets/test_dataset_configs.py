from __future__ import annotations

from itertools import combinations
from pathlib import Path

import pytest
from mmengine.config import Config

from uninext.registry import DATASETS, TRANSFORMS

BASES = Path(__file__).resolve().parents[2] / 'configs/_base_'
# a file of data sets -> how the names in it begin
PREFIXES = {path.stem: (f'{path.stem}_',) for path in BASES.glob('datasets/*.py')}
del PREFIXES['mixture'], PREFIXES['shapes_image_val']  # no data sets
PREFIXES['ytvis'] = ('ytvis_2019_', 'ytvis_2021_')
PREFIXES['ytvos'] = ('ytvos18_',)
PIPELINES = sorted(path.stem for path in BASES.glob('pipelines/*.py'))
every_set = pytest.mark.parametrize('name', sorted(PREFIXES))


def datasets_of(cfg: Config) -> dict[str, dict]:
    found = {k: v for k, v in cfg.items() if isinstance(v, list) or 'data_root' in v}
    found.pop('inference_scale', None)
    return found


@every_set
def test_a_set_is_a_file_of_its_own(name):
    """Its names begin with its own, so that sets can be joined; it imports nothing."""
    assert 'import ' not in (BASES / f'datasets/{name}.py').read_text()
    cfg = Config.fromfile(BASES / f'datasets/{name}.py')
    assert all(k.startswith(PREFIXES[name]) for k in cfg if k != 'inference_scale')
    assert datasets_of(cfg)
    for key, files in datasets_of(cfg).items():
        if key == 'refdavis_sets':
            continue
        for dataset in files if isinstance(files, list) else [files]:
            assert DATASETS.get(dataset.type) is not None
            assert dataset.get('test_mode', False) is ('train' not in key), key
            assert dataset.data_root.startswith('data/')
            assert dataset.data_root.endswith('/')
            assert 'pipeline' not in dataset  # the leaf joins them


def test_no_name_is_shared():
    keys = [set(Config.fromfile(BASES / f'datasets/{name}.py')) for name in PREFIXES]
    assert not any((a & b) - {'inference_scale'} for a, b in combinations(keys, 2))


@pytest.mark.parametrize('name', PIPELINES)
def test_pipelines_have_names_that_mmdet_users_know(name):
    cfg = Config.fromfile(BASES / f'pipelines/{name}.py')
    kind = 'test' if name.endswith('_tests') else 'train'
    assert f'{kind}_pipeline' in cfg
    for key, steps in cfg.items():
        if 'pipeline' in key:
            for step in steps:
                TRANSFORMS.build(step)
    assert ('test_cfg' in cfg) is ('test_pipeline' in cfg)


def test_only_boxes_are_read_without_masks():
    cfg = Config.fromfile(BASES / 'pipelines/images.py')
    for key, steps in cfg.items():
        (load,) = [step for step in steps if 'Annotations' in step.type]
        assert load.get('with_mask', False) is not key.startswith('boxes_')


def test_all_referring_splits_are_there():
    cfg = Config.fromfile(BASES / 'datasets/refcoco.py')
    files = {v.ann_file for v in cfg.values() if 'ann_file' in v}
    assert len(files) == 1 + 3 + 3 + 2 + 1
