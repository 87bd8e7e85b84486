from __future__ import annotations

from itertools import combinations
from pathlib import Path

import pytest
from mmengine.config import Config

from uninext.registry import DATASETS, TRANSFORMS

BASES = Path(__file__).resolve().parents[2] / 'configs' / '_base_' / 'datasets'
NAMES = ('coco', 'objects365v2', 'refcoco')
# sets without a pipeline of their own, the pipelines, and a prefix for each
VIDEO_FILES = {
    'clips': ('clips_',),
    'ytvis': ('ytvis_2019_', 'ytvis_2021_'),
    'ovis': ('ovis_',),
    'bdd100k': ('bdd100k_',),
    'refytvos': ('refytvos_',),
    'lasot': ('lasot_',),
    'got10k': ('got10k_',),
    'trackingnet': ('trackingnet_',),
    'ytvos': ('ytvos18_',),
}


@pytest.fixture(params=NAMES)
def base(request):
    return request.param, Config.fromfile(BASES / f'{request.param}.py')


def test_bases_import_nothing():
    for name in NAMES:
        assert 'import ' not in (BASES / f'{name}.py').read_text()


def test_every_name_has_the_prefix_of_its_file(base):
    name, cfg = base
    assert all(key.startswith(f'{name}_') for key in cfg)


def test_no_name_is_shared():
    keys = [set(Config.fromfile(BASES / f'{name}.py')) for name in NAMES]
    assert not any(a & b for a, b in combinations(keys, 2))


def test_bases_can_be_combined(tmp_path):
    leaf = tmp_path / 'leaf.py'
    files = [str(BASES / f'{name}.py') for name in NAMES]
    leaf.write_text(
        f'_base_ = {files}\n'
        "train = dict(sources=[dict(name='coco', dataset=_base_.coco_train), "
        "dict(name='refcoco', dataset=_base_.refcoco_train)])\n"
    )
    cfg = Config.fromfile(leaf)
    kinds = [source.dataset.type for source in cfg.train.sources]
    assert kinds == ['PromptCocoDataset', 'ReferringDataset']


def test_datasets_and_pipelines_are_known(base):
    name, cfg = base
    datasets = {k: v for k, v in cfg.items() if isinstance(v, dict) and 'ann_file' in v}
    datasets.pop(f'{name}_val_evaluator', None)
    assert {f'{name}_train', f'{name}_val'} <= set(datasets)
    for key, dataset in datasets.items():
        assert DATASETS.get(dataset.type) is not None
        assert dataset.get('test_mode', False) is (not key.endswith('_train'))
        for transform in dataset.pipeline:
            TRANSFORMS.build(transform)


def test_only_objects365_has_no_masks():
    for name in NAMES:
        cfg = Config.fromfile(BASES / f'{name}.py')
        loads = [t for t in cfg[f'{name}_train_pipeline'] if 'Annotations' in t.type]
        assert [t.get('with_mask', False) for t in loads] == [name != 'objects365v2']


def test_all_referring_splits_are_there():
    cfg = Config.fromfile(BASES / 'refcoco.py')
    files = {
        v.ann_file for v in cfg.values() if isinstance(v, dict) and 'ann_file' in v
    }
    assert len(files) == 1 + 3 + 3 + 2 + 1


# ----------------------------------------------------------------------------- videos


@pytest.mark.parametrize('name', VIDEO_FILES)
def test_video_bases_import_nothing_and_have_their_prefix(name):
    assert 'import ' not in (BASES / f'{name}.py').read_text()
    cfg = Config.fromfile(BASES / f'{name}.py')
    assert all(key.startswith(VIDEO_FILES[name]) for key in cfg)
    for dataset in cfg.values():
        if 'ann_file' in dataset:
            assert DATASETS.get(dataset.type) is not None
            assert dataset.data_root.startswith('data/')
            assert dataset.data_root.endswith('/')


def test_stage_3_files_can_be_combined():
    assert {'clips_names', 'ovis_train', 'coco_train', 'lasot_train'} <= set(
        Config.fromfile(BASES / 'stage3_files.py')
    )
