"""Parts of a network that a file of weights leaves out, because a package brings them.

Publishing a model notes them in the file's metadata; loading it fetches them from the
package again, and checks that they are the same to the last bit.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, cast

from torch import nn

from uninext.checkpoint.io import digest_of_tensors
from uninext.utils.files import FileError

META_KEY = 'left_out'


@dataclass(frozen=True)
class PackagedPart:
    """A part whose weights come from a package, unchanged.

    Attributes:
        name: Of the part among the modules of the model.
        loaded_by: Name of the module whose ``init_weights`` loads the part.
        package: To install.
        sha256: Of its parameters; see :func:`digest_of`.
    """

    name: str
    loaded_by: str
    package: str
    sha256: str

    def has(self, key: str) -> bool:
        """Whether a key of the model's state is one of this part."""
        return key.startswith(f'{self.name}.')

    def is_in(self, model: nn.Module) -> bool:
        """Whether a model has such a part at all."""
        return {self.name, self.loaded_by} <= dict(model.named_modules()).keys()

    def fetch(self, model: nn.Module, source: str) -> None:
        """Load the part into a model that has it, unless it is there already.

        Raises:
            FileError: If the package is absent, or the weights of this model are
                not those that were left out; it names ``source``.
        """
        part = model.get_submodule(self.name)
        if digest_of(part) == self.sha256:
            return
        what = f'{source} leaves out {self.name}, which the package {self.package}'
        try:
            cast(Callable, model.get_submodule(self.loaded_by).init_weights)()
        except ValueError as error:
            raise FileError(f'{what} brings. {error}') from error
        if digest_of(part) != self.sha256:
            raise FileError(
                f'{what} brings; what this model has there is something else. Use the '
                'config that the file was published with, and the version of the '
                'package that requirements/ name.'
            )


def packaged_parts_of(checkpoint: Mapping[str, Any]) -> list[PackagedPart]:
    """Read from a checkpoint what it leaves out.

    Raises:
        FileError: If what is written there cannot be understood.
    """
    text = (checkpoint.get('meta') or {}).get(META_KEY)
    if not text:
        return []
    try:
        return [PackagedPart(**fields) for fields in json.loads(text)]
    except (TypeError, ValueError) as error:
        raise FileError(
            f'The metadata of the checkpoint say in {META_KEY!r} what it leaves out, '
            f'but not in a form that this version reads ({error}). Update uninext.'
        ) from error


def packaged_parts_text(parts: Sequence[PackagedPart]) -> str:
    """The inverse of :func:`packaged_parts_of`: a text for the metadata."""
    return json.dumps([asdict(part) for part in parts])


def digest_of(module: nn.Module) -> str:
    """Checksum of names, shapes, types and bits of the parameters of a module."""
    return digest_of_tensors(dict(module.named_parameters()))
