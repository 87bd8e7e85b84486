"""``uninext train --data``: from annotations to metrics, and what people are told."""

from __future__ import annotations

import argparse
import json
import re
import shlex
from pathlib import Path

import cv2
import pytest
import torch
from mmengine.config import Config

from helpers.small_uninext import build, small_config
from helpers.tools import message_of_failure
from uninext.apis import UninextInferencer
from uninext.apis.calibration import Calibrated, KindScores, calibrate
from uninext.checkpoint import read_meta
from uninext.checkpoint.thresholds import carried_thresholds
from uninext.cli import fine_tune, main, train
from uninext.fine_tuning import report
from uninext.shapes import generate_image_set

CONFIG = Path(__file__).resolve().parents[2] / 'configs/uninext/stage2_image_shapes.py'


@pytest.fixture(scope='module')
def start(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights beside the config that they belong to."""
    folder = tmp_path_factory.mktemp('start')
    cfg = Config.fromfile(CONFIG)
    cfg.model = small_config()
    cfg.train_dataloader.update(num_workers=0, persistent_workers=False)
    for source in cfg.train_dataloader.dataset.sources:
        for step in source.dataset.pipeline:
            if step.type == 'RandomChoiceResize':
                step.scales = [(64, 64)]
    cfg.dump(folder / 'small.py')
    torch.save({'state_dict': build(cfg.model).state_dict()}, folder / 'start.pth')
    return folder / 'start.pth'


@pytest.fixture(scope='module')
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp('data')
    generate_image_set(folder, 4, 1, size=64)
    return folder


def arguments(*argv: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    train.add_arguments(parser)
    return parser.parse_args(argv)


@pytest.mark.parametrize(
    ('argv', 'message'),
    [
        ([], 'Nothing to train. Give a config'),
        (['c.py', '--iters', '3', '--from', 'x'], '--from, --iters belong to --data'),
        (['c.py', '--iters', '0', '--lr', '0'], '--iters, --lr belong to --data'),
        (['c.py', '--freeze', 'backbone', '--no-baseline'], '--freeze, --no-baseline'),
        (['--data', 'x.json', '--launcher', 'pytorch'], r'dist_train\.sh'),
    ],
)
def test_what_does_not_go_together_is_refused(argv, message):
    with pytest.raises(ValueError, match=message):
        fine_tune.check(arguments(*argv))


def test_a_config_alone_is_a_training_as_ever():
    fine_tune.check(arguments('c.py', '--resume', '--amp'))


def test_absent_data_is_a_message(tmp_path, capsys):
    argv = ['train', '--data', tmp_path / 'no.json']
    assert 'no.json does not exist' in message_of_failure(main, capsys, *argv)


@pytest.mark.parametrize(
    ('option', 'value'),
    [('--iters', '0'), ('--batch-size', '0'), ('--lr', '0'), ('--lr', 'nan')],
)
def test_nothing_is_written_for_numbers_that_cannot_be_meant(
    option, value, data, tmp_path, capsys
):
    argv = ['train', '--data', str(data), '--work-dir', str(tmp_path / 'run')]
    said = message_of_failure(main, capsys, *argv, option, value)
    assert f'{option} must be more than 0' in said
    assert not (tmp_path / 'run').exists()


def test_from_annotations_to_metrics(start, data, tmp_path, capfd):
    content = json.loads((data / 'annotations/instances_train.json').read_text())
    del content['annotations'][0]['segmentation']  # learned from its box
    (tmp_path / 'mine.json').write_text(json.dumps(content))
    argv = ['--data', str(tmp_path / 'mine.json'), '--images', str(data / 'train')]
    argv += ['--val-data', str(data / 'annotations/instances_val.json')]
    argv += ['--val-images', str(data / 'val'), '--from', str(start)]
    argv += ['--iters', '1', '--work-dir', str(tmp_path / 'run'), '--device', 'cpu']
    assert main(['train', *argv, '--freeze', 'all-but-heads']) == 0
    out = capfd.readouterr().out
    assert 'categories to learn from: 4 images' in out
    assert 'categories to evaluate on (given): 1 images' in out
    assert '1 objects to learn from have no mask' in out and 'BoxInst' in out
    assert "frozen = ['^(?!(bbox_head|mask_head|embed_head))']" in out
    assert 'UNINEXT of small.py' in out
    metrics = json.loads((tmp_path / 'run/metrics.json').read_text())
    for key in ('coco/bbox_mAP', 'coco/segm_mAP'):
        assert key in metrics['before'] and key in metrics['after']
    row = next(
        line for line in out.splitlines() if line.startswith('categories: box AP ')
    )
    assert row.split()[-2:] == [
        f'{metrics[when]["coco/bbox_mAP"]:.3f}' for when in ('before', 'after')
    ]
    assert f'uninext test {tmp_path}/run/config.py {tmp_path}/run/iter_1.pth' in out
    page = (tmp_path / 'run/report.html').read_text()
    for file in re.findall('src="(.*?)"', page):
        assert cv2.imread(str(tmp_path / 'run' / file)) is not None
    assert page.count('<img') == 2  # before, after
    assert row in page and f'uninext test {tmp_path}/run/config.py' in page
    # the optimiser keeps a state for what learns, and for nothing else
    saved = torch.load(tmp_path / 'run/iter_1.pth', weights_only=True)
    assert carried_thresholds(saved['meta'], 'iter_1.pth') == {}  # nothing is found
    learned = {k for k in saved['state_dict'] if k.startswith(('bbox_h', 'mask_h'))}
    assert 0 < len(saved['optimizer']['state']) <= len(learned)
    before = torch.load(start, weights_only=True)['state_dict']
    moved = {k for k, v in saved['state_dict'].items() if not torch.equal(v, before[k])}
    assert moved <= learned and 'mask_head.controller.layers.0.weight' in moved
    # what was written is a config like any other
    text = (tmp_path / 'run/config.py').read_text()
    assert text.startswith('# Fine-tuning of start.pth')
    assert Config.fromfile(tmp_path / 'run/config.py').work_dir == str(tmp_path / 'run')
    # and a second run does not replace it unasked
    kept = {path: path.read_bytes() for path in (tmp_path / 'run').rglob('*.*')}
    said = message_of_failure(main, capfd, 'train', *argv, '--dry-run')
    assert 'holds a run already (iter_1.pth' in said and '--overwrite' in said
    assert f'uninext train {tmp_path}/run/config.py --resume' in said
    assert kept == {path: path.read_bytes() for path in (tmp_path / 'run').rglob('*.*')}


def test_the_threshold_is_found_on_the_device_that_was_asked_for(
    start, data, tmp_path, capfd, monkeypatch
):
    asked, looked_at = [], []

    class Finder(UninextInferencer):
        def __init__(self, model, checkpoint, device='auto'):
            asked.append((Path(checkpoint), device))
            super().__init__(model, checkpoint, device)

    def calibrated(find, images):
        looked_at.append(len(images))
        row = calibrate(find, images)['category']
        assert row.threshold is None  # random weights find nothing
        return {'category': row._replace(threshold=0.62)}

    monkeypatch.setattr('uninext.apis.UninextInferencer', Finder)
    monkeypatch.setattr('uninext.apis.calibration.calibrate', calibrated)
    argv = ['train', '--data', str(data), '--from', str(start), '--no-baseline']
    argv += ['--iters', '1', '--work-dir', str(tmp_path / 'run'), '--device', 'cpu']
    assert main(argv) == 0
    file = tmp_path / 'run/iter_1.pth'
    assert (asked, looked_at) == ([(file, 'cpu')], [1])
    assert carried_thresholds(read_meta(file), str(file)) == {'category': 0.62}
    said = 'Score threshold 0.620, stored with the weights: F1 of 1 held-out images'
    assert said in capfd.readouterr().out
    assert said in (tmp_path / 'run/report.html').read_text()


def test_what_a_threshold_comes_to():
    scores = KindScores(0.05, present=[0.9, 0.8], wrong=[0.4, 0.4])
    said = fine_tune.threshold_text(Calibrated(scores, 0.6, 0.75), 5)
    assert said == (
        'Score threshold 0.600, stored with the weights: F1 of 5 held-out images is '
        '1.000, 0.750 at the threshold of the other half; at 0.3 it is 0.667'
    )
    said = fine_tune.threshold_text(Calibrated(scores, 0.6, float('nan')), 1)
    assert said.endswith('F1 of 1 held-out images is 1.000; at 0.3 it is 0.667')


def test_a_dry_run_may_be_followed_by_the_run_and_changes_are_kept(
    start, data, tmp_path, capfd
):
    argv = ['train', '--data', str(data), '--from', str(start), '--dry-run']
    argv += ['--dry-run-batches', '4', '--work-dir', str(tmp_path)]
    assert main(argv) == 0
    out = capfd.readouterr().out
    assert 'Nothing was trained. Go on: uninext train' in out
    assert 'categories to evaluate on (held out)' in out
    assert 'expressions to learn from' in out
    config = tmp_path / 'config.py'
    assert config.is_file() and not list(tmp_path.glob('*.pth'))
    assert main([*argv, '--lr', '1e-5']) == 0  # nothing of anybody's is lost
    config.write_text(f'{config.read_text()}# mine\n')
    said = message_of_failure(main, capfd, *argv)
    assert 'holds a run already (config.py)' in said
    assert config.read_text().endswith('# mine\n')
    assert main([*argv, '--overwrite']) == 0
    assert '# mine' not in config.read_text()


def test_the_next_command_asks_for_what_was_learned(start, data, tmp_path):
    def command(file: str) -> list[str]:
        args = arguments(
            *('--data', str(data / 'annotations' / file), '--from', str(start)),
            *('--images', str(data / 'train'), '--work-dir', str(tmp_path)),
        )
        plan = fine_tune.prepare(args)
        return shlex.split(report.predict_command(plan, Path('w.pth')))

    words = command('instances_train.json')
    assert words[:2] == ['uninext', 'predict'] and Path(words[2]).is_file()
    assert words[words.index('--categories') + 1].startswith('circle, square')
    words = command('refs_train.json')
    assert len(words[words.index('--expression') + 1].split()) > 1


def test_a_start_that_cannot_be_evaluated_names_the_way_out(
    start, data, tmp_path, capsys
):
    state = torch.load(start, weights_only=True)['state_dict']
    del state['level_embed']
    torch.save({'state_dict': state}, tmp_path / 'part.pth')
    argv = [str(start.with_name('small.py')), '--data', str(data), '--from']
    argv += [str(tmp_path / 'part.pth'), '--work-dir', str(tmp_path / 'run')]
    error = message_of_failure(main, capsys, 'train', *argv, '--device', 'cpu')
    assert 'level_embed' in error and '--no-baseline trains without' in error
