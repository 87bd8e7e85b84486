"""A process that hangs ends; one that does not is left alone."""

from __future__ import annotations

import pytest

from helpers.tools import run_python
from uninext.engine.hanging import HangTimeout

LOOP = """
import sys, time
from uninext.engine.hanging import HangTimeout
pause, paused = map(float, sys.argv[1:])
with HangTimeout(0.5) as clock:
    for _ in range(4):
        clock.restart()
        time.sleep(pause)
    clock.pause()
    time.sleep(paused)
time.sleep(0.6)
"""


@pytest.mark.parametrize('seconds', [0, -1])
def test_a_time_that_is_none(seconds):
    with pytest.raises(ValueError, match=f'hang_seconds is {seconds}; expected'):
        HangTimeout(seconds)


@pytest.mark.parametrize(('pause', 'paused'), [(0.2, 0), (0, 0.6)])
def test_what_goes_on_is_left_alone(pause, paused):
    """Longer than the time in all, or while it was told to wait."""
    assert run_python(LOOP, str(pause), str(paused)).returncode == 0


def test_what_hangs_ends_and_says_where():
    found = run_python(LOOP, '20', '0')
    assert found.returncode == 1
    assert 'Timeout (0:00:00.500000)!' in found.stderr
    assert 'line 8' in found.stderr
