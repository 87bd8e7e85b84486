"""Installs ``uninext``; what is written in setup.cfg, and what OpenMMLab's tools need.

``mim`` and :func:`uninext.apis.config_path` look for configs and tools in
``uninext/.mim``: copies of them in a wheel, links to them where a checkout is installed
in place.
"""

import shutil
from pathlib import Path

from setuptools import setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent
MIM_PARTS = ('configs', 'tools', 'model-index.yml')


class BuildWithMim(build_py):
    """Builds as ever, and adds ``uninext/.mim``."""

    def run(self) -> None:
        """Build the package, then what lies beside it in the checkout."""
        super().run()
        if self.editable_mode:
            self._link(ROOT / 'uninext' / '.mim')
        else:
            self._copy(Path(self.build_lib) / 'uninext' / '.mim')

    def _copy(self, target: Path) -> None:
        shutil.rmtree(target, ignore_errors=True)  # of an earlier build
        target.mkdir(parents=True)
        for name in MIM_PARTS:
            if (ROOT / name).is_dir():
                ignored = shutil.ignore_patterns('__pycache__', '*.py[co]')
                shutil.copytree(ROOT / name, target / name, ignore=ignored)
            else:
                shutil.copy2(ROOT / name, target / name)

    def _link(self, target: Path) -> None:
        target.mkdir(exist_ok=True)
        for name in MIM_PARTS:
            link = target / name
            if not link.is_symlink():
                try:
                    link.symlink_to(Path('..') / '..' / name)
                except OSError as error:  # a system without links: only mim needs them
                    self.announce(f'no link {link}: {error}', level=3)


if __name__ == '__main__':
    setup(cmdclass={'build_py': BuildWithMim})
