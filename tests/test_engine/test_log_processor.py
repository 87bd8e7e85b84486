"""The progress line."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from mmengine.hooks import Hook

from uninext.engine import UninextLogProcessor, log_processor


def test_by_epoch_is_refused():
    with pytest.raises(ValueError, match='by_epoch'):
        UninextLogProcessor(by_epoch=True)


def line_of(**tag):
    tag.setdefault('memory', None)
    return UninextLogProcessor()._train_line(tag, 7, 200, None)


def test_line_without_scalars():
    assert line_of() == 'Iter [  7/200]'


def test_line_shows_the_last_layer_and_the_sources():
    line = line_of(
        **{
            'loss': 12.345,
            'loss/coco': 13.0,
            'loss/refcoco': 11.5,
            'loss_ce': 0.5,
            'loss_ce_0': 1.0,
            'loss_ce_enc': 2.0,
            'loss_ce_dn': 3.0,
            'loss_ce_dn_4': 3.0,
            'loss_mask_dice': 0.25,
            'base_lr': 2e-4,
            'lr': 2e-5,
            'grad_norm': 3.21,
            'time': 0.5,
            'data_time': 0.125,
            'memory': 900,
        }
    )
    assert line == (
        'Iter [  7/200]  loss 12.35 (coco 13, refcoco 11.5)  ce 0.5  mask_dice 0.25  '
        'grad 3.21  lr 2.0e-04  0.50 s/it (data 0.12)  mem 900 MB'
    )


def test_json_has_all_losses(make_runner, tmp_path):
    make_runner(**{'train_cfg.max_iters': 8}).train()
    text = next(tmp_path.glob('*/vis_data/scalars.json')).read_text()
    for name in ('loss_fit_0', 'loss_fit_dn', 'loss/coco', 'loss/refcoco', 'memory'):
        assert f'"{name}"' in text


def test_lines_count_from_one_to_the_last(make_runner):
    runner = make_runner(**{'train_cfg.max_iters': 3})
    runner.train()
    text = Path(runner.log_dir, f'{runner.timestamp}.log').read_text()
    assert re.findall(r'Iter \[(.*?)\]', text) == ['1/3', '2/3', '3/3']


def test_time_that_is_left():
    line = UninextLogProcessor()._train_line({'memory': None}, 7, 200, 3661.7)
    assert line == 'Iter [  7/200]  eta 1:01:01'


class Clock(Hook):
    """An iteration takes a second, the sixth ten; notes what is left after each."""

    priority = 'LOW'  # after the hook that measures

    def __init__(self) -> None:
        self.now, self.left = 0.0, []

    def time(self) -> float:
        return self.now

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        self.now += 10 if batch_idx == 5 else 1

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None):
        self.left.append(runner.message_hub.get_info('eta'))


def test_time_that_is_left_is_told_by_the_mean_of_the_run(make_runner, monkeypatch):
    """One slow iteration of a busy machine does not make it swing."""
    clock = Clock()
    monkeypatch.setattr('mmengine.hooks.iter_timer_hook.time', clock)
    runner = make_runner(**{'train_cfg.max_iters': 10})
    runner.register_hook(clock)
    runner.train()
    taken = [n if n < 6 else n + 9 for n in range(1, 11)]
    expected = [taken[n - 1] / n * (10 - n) for n in range(1, 11)]
    assert clock.left == pytest.approx(expected)


@pytest.mark.parametrize(
    ('value', 'text'),
    [
        (0, '0'),
        (0.001, '0.001'),
        (0.000999, '1.0e-03'),
        (-0.5, '-0.5'),
        (9e-5, '9.0e-05'),
    ]
    + [(-9e-5, '-9.0e-05'), (123.456, '123.5')],
)
def test_numbers_are_short(value, text):
    assert log_processor._short(value) == text


@pytest.mark.skipif(not Path('/proc/self/status').exists(), reason='asks Linux')
def test_memory_is_the_peak_of_the_process():
    status = Path('/proc/self/status').read_text()
    peak = int(re.search(r'VmHWM:\s+(\d+) kB', status)[1]) / 1024
    assert log_processor._peak_resident_mb() == pytest.approx(peak, abs=8)
