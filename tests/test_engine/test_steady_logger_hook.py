"""A disk that takes no line of the log."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from mmengine.hooks import Hook

FULL = Path('/dev/full')  # Linux: there is no room


class FillDisk(Hook):
    """From the second iteration on."""

    def __init__(self, file: str) -> None:
        self.file = file

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        if batch_idx != 1:
            return
        if self.file == 'text':
            (handler,) = (h for h in runner.logger.handlers if hasattr(h, 'mode'))
            handler.setStream(FULL.open('w'))
        else:
            (backend,) = runner.visualizer._vis_backends.values()
            assert backend._scalar_save_file
            backend._scalar_save_file = os.fspath(FULL)


@pytest.mark.skipif(not FULL.exists(), reason='no /dev/full')
@pytest.mark.parametrize('file', ['text', 'numbers'])
def test_training_goes_on(make_runner, tmp_path, capfd, file):
    runner = make_runner()
    runner.register_hook(FillDisk(file))
    runner.train()
    assert runner.iter == 20
    assert (tmp_path / 'iter_20.pth').is_file()
    captured = capfd.readouterr()
    output = captured.out + captured.err
    told = f'The {file} of the log in {runner.log_dir} cannot be written: [Errno 28]'
    assert output.count(told) == 1
    assert output.count('cannot be written') == 1
    assert 'Traceback' not in output
