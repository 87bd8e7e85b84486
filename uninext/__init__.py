"""UNINEXT: object discovery and retrieval by prompt, as a framework on OpenMMLab.

Importing this package is light: it loads neither torch nor mmdet; the names that users
call load them when they are first asked for. The rooms, in the order that data takes::

    structures -> datasets -> models -> evaluation | visualization -> apis, cli
"""

from typing import TYPE_CHECKING, Any

from uninext.utils import late_packages
from uninext.version import __version__

late_packages.install()

if TYPE_CHECKING:
    from uninext.apis import Result, UninextInferencer, open_session, read_frames

__all__ = [
    'Result',
    'UninextInferencer',
    '__version__',
    'open_session',
    'read_frames',
]


def __getattr__(name: str) -> Any:
    """Load what ``uninext.apis`` offers under the package's own name (PEP 562)."""
    if name not in __all__:
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    from uninext import apis

    return getattr(apis, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
