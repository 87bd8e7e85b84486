"""What is tried: a Python, a torch, and versions of the rest."""

from __future__ import annotations

import configparser
from dataclasses import dataclass
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[2]
# Packages of OpenMMLab: the maintained line, and the upstream one of the same modules.
UPSTREAM = ('mmengine==0.10.7', 'mmcv-lite==2.1.0', 'mmdet==3.3.0', 'mmpretrain==1.2.0')


@dataclass(frozen=True)
class Cell:
    """One environment.

    Attributes:
        why: What it is tried for.
        python: Such as '3.11'.
        torch: The exact version: without one, pip may take gigabytes of another build.
        pins: What else the versions must be; the newest that fit are taken.
        upstream: Whether OpenMMLab's packages are those of upstream.
        locked: Whether all versions but torch's are those of requirements/lock.
    """

    why: str
    python: str = '3.11'
    torch: str = ''
    pins: tuple[str, ...] = ()
    upstream: bool = False
    locked: bool = False

    def constraints(self) -> list[str]:
        """Lines of pip's constraints file."""
        own = {Requirement(pin).name for pin in self.pins} | {'torch'}
        pinned = [pin for pin in pins_of_default() if Requirement(pin).name not in own]
        return [f'torch=={self.torch or default_torch()}', *self.pins, *pinned]


def pins_of_default() -> list[str]:
    """Exact versions of requirements/, torch's left out."""
    lines = [line for part in ('mminstall', 'runtime') for line in _lines(part)]
    return [line for line in lines if '==' in line]


def default_torch() -> str:
    """The version that requirements/build.txt names."""
    (line,) = (line for line in _lines('build') if line.startswith('torch=='))
    return line.removeprefix('torch==')


def ranges() -> list[Requirement]:
    """What setup.cfg requires."""
    parser = configparser.ConfigParser()
    parser.read(ROOT / 'setup.cfg')
    lines = parser['options']['install_requires'].strip().splitlines()
    return [Requirement(line) for line in lines if not line.startswith('#')]


def lowest() -> dict[str, str]:
    """By package, the series of versions that its range in setup.cfg begins with."""
    return {
        requirement.name: next(
            spec.version for spec in requirement.specifier if spec.operator == '>='
        )
        for requirement in ranges()
    }


def _lowest_pins() -> tuple[str, ...]:
    """``==4.6.*``: the series, because few packages keep their first release."""
    found = {name: low for name, low in lowest().items() if name != 'torch'}
    return tuple(
        f'{name}=={low if "." in low else f"{low}.0"}.*' for name, low in found.items()
    )


def _lines(part: str) -> list[str]:
    lines = (ROOT / f'requirements/{part}.txt').read_text().splitlines()
    return [line for line in lines if line and not line.startswith('#')]


LOWEST_TORCH = f'{lowest()["torch"]}.0'
HIGHEST_TORCH = '2.14.1'
REFERENCE = 'pinned'
CELLS = {
    REFERENCE: Cell('what `make install` installs; the others are compared with it'),
    'transformers-5': Cell('the newest transformers', pins=('transformers>=5,<6',)),
    'transformers-4-lowest': Cell(
        'the lowest transformers', pins=(f'transformers=={lowest()["transformers"]}.*',)
    ),
    'locked': Cell('requirements/lock, with hashes', locked=True),
    'upstream': Cell('OpenMMLab as upstream left it', upstream=True),
    'torch-highest': Cell('the newest torch', torch=HIGHEST_TORCH),
    'torch-lowest': Cell('the lowest torch of setup.cfg', torch=LOWEST_TORCH),
    'lowest': Cell(
        'the lowest of all ranges in setup.cfg', '3.10', LOWEST_TORCH, _lowest_pins()
    ),
    **{
        f'python-{python}': Cell(f'Python {python}', python)
        for python in ('3.10', '3.12', '3.13')
    },
}
