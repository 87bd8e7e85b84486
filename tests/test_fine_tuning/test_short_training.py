from __future__ import annotations

import copy
from pathlib import Path

import pytest
from mmengine.config import Config

from uninext.fine_tuning.folder import CocoFolder, CocoSplit
from uninext.fine_tuning.short_training import point_config_at

CONFIG = Path(__file__).parents[2] / 'configs/uninext/stage2_image_tiny.py'


@pytest.fixture(scope='module')
def config() -> Config:
    return Config.fromfile(CONFIG)


def make_folder(root: Path, refs: bool = True, with_masks: bool = True) -> CocoFolder:
    splits = []
    for name in ('train', 'val'):
        path = root / f'refs_{name}.json'
        path.write_text(
            '{"images": [{"id": 1, "file_name": "a", "expressions": ["a", "b", "c"]}],'
            '"annotations": [{"id": 1, "image_id": 1}], "categories": []}'
        )
        instances = root / f'instances_{name}.json'
        refs_file = path if refs else None
        splits.append(CocoSplit(instances, root / name, refs_file, with_masks))
    return CocoFolder(*splits)


def test_no_iterations_and_no_fitting_source_are_errors(config: Config, tmp_path: Path):
    folder = make_folder(tmp_path, refs=False)
    with pytest.raises(ValueError, match='must be >= 1'):
        point_config_at(config, folder, tmp_path, 0)
    only_sentences = copy.deepcopy(config)
    dataset = only_sentences.train_dataloader.dataset
    dataset.sources = [dataset.sources[1]]
    with pytest.raises(ValueError, match='No source'):
        point_config_at(only_sentences, folder, tmp_path, 1)


def test_every_path_of_the_config_is_replaced(config: Config, tmp_path: Path):
    before = config.pretty_text
    cfg = point_config_at(config, make_folder(tmp_path), tmp_path / 'w', 40, 2)
    sources = cfg.train_dataloader.dataset.sources
    assert [Path(s.dataset.ann_file).name for s in sources] == [
        'instances_train.json',
        'refs_train.json',
    ]
    detection, sentences = cfg.val_dataloader.dataset.datasets
    assert detection.data_prefix.img == f'{tmp_path}/val/'
    assert sentences.indices == [0, 1]
    assert cfg.val_evaluator.metrics[0].ann_file == detection.ann_file
    for loader in (cfg.train_dataloader, cfg.val_dataloader, cfg.test_dataloader):
        assert 'data/tiny' not in str(loader)
    assert 'data/tiny' not in str(cfg.test_evaluator)
    assert cfg.train_cfg.max_iters == 40
    assert config.pretty_text == before


def test_sets_without_sentences_are_judged_by_boxes_alone(
    config: Config, tmp_path: Path
):
    folder = make_folder(tmp_path, refs=False, with_masks=False)
    cfg = point_config_at(config, folder, tmp_path, 1)
    assert len(cfg.train_dataloader.dataset.sources) == 1
    assert cfg.val_dataloader.dataset.type == 'PromptCocoDataset'
    assert cfg.val_evaluator.type == 'CocoMetric'
    assert cfg.val_evaluator.metric == ['bbox']


def test_the_number_of_sentences_may_exceed_what_there_is(
    config: Config, tmp_path: Path
):
    cfg = point_config_at(config, make_folder(tmp_path), tmp_path, 1, 99)
    assert cfg.val_dataloader.dataset.datasets[1].indices == [0, 1, 2]
    cfg = point_config_at(config, make_folder(tmp_path), tmp_path, 1)
    assert 'indices' not in cfg.val_dataloader.dataset.datasets[1]


@pytest.mark.parametrize('num_iters', [1, 2, 7, 150])
def test_the_schedule_fits_any_length(config: Config, tmp_path: Path, num_iters: int):
    cfg = point_config_at(config, make_folder(tmp_path), tmp_path, num_iters)
    warm_up, step = cfg.param_scheduler
    assert 1 <= warm_up.end <= num_iters
    assert 0 < step.milestones[0] <= num_iters
