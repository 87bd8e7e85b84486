"""The small video model, shared with the tests of the detectors."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1] / 'test_detectors'))
