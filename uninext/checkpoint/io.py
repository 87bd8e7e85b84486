"""Files of weights, read without running code in them and written whole or not at all.

Those that a training saves and resumes from, and those of others that are converted.
``.safetensors`` by name, else PyTorch's format.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import pickle
import zipfile
from collections.abc import Iterator, Mapping
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import safetensors.torch
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from uninext.utils.environment import environment
from uninext.utils.files import FileError, replacing, sha256_of

SAFETENSORS = '.safetensors'
# where a checkpoint keeps its weights: ours and mmengine's, Detectron2's
STATE_KEYS = ('state_dict', 'model')
_MAX_LISTED = 8
_DIGEST = 'sha256 of tensors'  # in the metadata of safetensors, which sum up nothing


def load_file(
    path: str | os.PathLike,
    map_location: Any = 'cpu',
    mmap: bool = False,
    verify: bool = True,
) -> dict[str, Any]:
    """Load a checkpoint without running code that it may carry.

    mmengine's own loader tries a safe load and falls back on an unsafe one; this one
    has no second try.

    Args:
        path: A file, or an address; see :func:`local_file`. One that ends in
            ``.safetensors`` gives ``state_dict`` and, with its metadata, ``meta``.
        map_location: As in ``torch.load``; safetensors are always loaded on the CPU.
        mmap: Map the file instead of reading it.
        verify: Compare the content with the checksums that the file carries, which
            PyTorch and safetensors do not: a flipped bit would be a wrong weight.

    Raises:
        FileError: If the file is absent, cut short, changed since it was written,
            carries pickled code, or is not a mapping.
    """
    path = local_file(path)
    if path.suffix == SAFETENSORS:
        return _load_safetensors(path, verify)
    try:
        if verify and zipfile.is_zipfile(path):
            _compare_checksums(path)
        loaded = torch.load(
            str(path), map_location=map_location, weights_only=True, mmap=mmap
        )
    except pickle.UnpicklingError as error:
        raise FileError(
            f'{path} was not loaded: it is not a checkpoint, or it carries Python '
            'objects whose loading could run code. If you trust its source, load it '
            'yourself and save its tensors alone, with torch.save or as .safetensors. '
            f'(torch says: {_reason(error)})'
        ) from error
    except zipfile.BadZipFile as error:
        raise FileError(_damaged(path, 'its checksum', error)) from error
    except (RuntimeError, EOFError, OSError, ValueError, KeyError) as error:
        raise FileError(_damaged(path, 'torch', error)) from error
    if not isinstance(loaded, dict):
        raise FileError(
            f'{path} holds a {type(loaded).__name__}; expected a mapping of weights.'
        )
    return loaded


def fingerprint(path: str | os.PathLike) -> str:
    """What tells files of other content apart, at once where they carry checksums.

    Those are what :func:`load_file` compares their content with.

    Raises:
        FileError: If there is no such file, or it cannot be fetched.
    """
    path = local_file(path)
    if path.suffix == SAFETENSORS:
        with contextlib.suppress(SafetensorError), safe_open(str(path), 'pt') as file:
            if digest := (file.metadata() or {}).get(_DIGEST):
                return digest
    elif zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            records = [(r.filename, r.file_size, r.CRC) for r in archive.infolist()]
        if all(crc for _, size, crc in records if size):
            return hashlib.sha256(repr(records).encode()).hexdigest()
    return sha256_of(path)


def state_dict_of(
    checkpoint: Mapping[str, Any], source: str = 'checkpoint', published: bool = False
) -> dict[str, Tensor]:
    """Find the weights in a checkpoint, also beside other things (optimizer, ...).

    Args:
        checkpoint: As :func:`load_file` returns it.
        source: What an error message calls it.
        published: Whether weights under ``model``, as the published code and
            Detectron2 keep them, are taken too.

    Raises:
        FileError: If there are no weights.
    """
    keys = STATE_KEYS if published else STATE_KEYS[:1]
    found = [checkpoint[k] for k in keys if isinstance(checkpoint.get(k), Mapping)]
    state = found[0] if found else checkpoint
    if not published and isinstance(state.get('model'), Mapping):
        raise FileError(
            f'{source} has the layout of the published code (weights under "model"). '
            'Convert it: python tools/model_converters/official_to_uninext.py IN OUT'
        )
    strange = [k for k, v in state.items() if not isinstance(v, Tensor)]
    if strange or not state:
        raise FileError(
            f'{source} holds no weights: expected tensors by name, or such under '
            f'{" or ".join(keys)}; got '
            f'{f"no tensors: {strange[:_MAX_LISTED]}" if strange else "nothing"}.'
        )
    return dict(state)


def read_meta(path: str | os.PathLike) -> Mapping[str, Any]:
    """Read ``meta`` of a checkpoint, empty if there is none; weights are not read.

    Raises:
        FileError: As :func:`load_file` does.
    """
    path = local_file(path)
    if path.suffix == SAFETENSORS:
        try:
            with safe_open(str(path), 'pt') as file:
                return _texts(file.metadata())
        except (SafetensorError, OSError) as error:
            raise FileError(_damaged(path, 'safetensors', error)) from error
    meta = load_file(path, mmap=True, verify=False).get('meta')
    return meta if isinstance(meta, Mapping) else {}


def save_file(
    content: Mapping[str, Any], path: str | os.PathLike, advice: str = ''
) -> None:
    """Write a checkpoint; it appears under its name only when it is whole.

    Into ``.safetensors`` go the weights (``state_dict`` or ``model``) and, as texts,
    the entries of ``meta``; nothing else fits there. The folder is made. ``advice``
    says what to do if it cannot be written.

    Raises:
        FileError: If it cannot be written, or holds what does not fit.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path, advice) as temporary:
        if path.suffix == SAFETENSORS:
            _save_safetensors(content, temporary)
        else:
            _save_pytorch(content, temporary)


def local_file(path: str | os.PathLike) -> Path:
    """Find the file of a checkpoint on this machine.

    An ``https://`` address is fetched once into torch's hub cache.

    Raises:
        FileError: If there is no such file, or it cannot be fetched.
    """
    if '://' in str(path):
        return _fetch(str(path))
    local = Path(path).expanduser()
    if not local.is_file():
        raise FileError(
            f'There is no checkpoint {str(path)!r}. Give the path of a checkpoint file.'
        )
    return local


def digest_of_tensors(tensors: Mapping[str, Tensor]) -> str:
    """Checksum of names, shapes, types and bits."""
    digest = hashlib.sha256()
    for name, value in sorted(tensors.items()):
        digest.update(f'{name} {tuple(value.shape)} {value.dtype}\n'.encode())
        flat = value.detach().cpu().contiguous().view(-1)
        digest.update(flat.view(torch.uint8).numpy().data)
    return digest.hexdigest()


@contextlib.contextmanager
def refusing_pickled_code() -> Iterator[None]:
    """Make every ``torch.load`` inside the block a ``weights_only`` one.

    For code of others that we call, such as ``init_cfg=dict(type='Pretrained')``.
    """
    with environment('TORCH_FORCE_WEIGHTS_ONLY_LOAD', '1'):
        yield


def _compare_checksums(path: Path) -> None:
    """Read the records of PyTorch's zip, without those that were never summed up.

    Raises:
        BadZipFile: If one is not what was written.
    """
    with zipfile.ZipFile(path) as archive:
        for record in archive.infolist():
            if record.CRC:  # 0: torch.serialization.set_crc32_options(False)
                with archive.open(record) as file:
                    while file.read(1 << 20):
                        pass


def _load_safetensors(path: Path, verify: bool) -> dict[str, Any]:
    try:
        with safe_open(str(path), 'pt') as file:
            state = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
            expected = (file.metadata() or {}).get(_DIGEST)
            content = {'state_dict': state, 'meta': _texts(file.metadata())}
    except (SafetensorError, OSError) as error:
        raise FileError(_damaged(path, 'safetensors', error)) from error
    found = digest_of_tensors(state) if verify and expected else expected
    if found != expected:
        changed = ValueError(f'{found} is not {expected}')
        raise FileError(_damaged(path, f'the {_DIGEST}', changed))
    return content


def _texts(metadata: Mapping[str, str] | None) -> dict[str, str]:
    """Metadata of a safetensors file as they were given to :func:`save_file`."""
    return {k: v for k, v in (metadata or {}).items() if k != _DIGEST}


def _save_pytorch(content: Mapping[str, Any], path: Path) -> None:
    try:
        with open(path, 'wb') as file:
            torch.save(content, file)
    except RuntimeError as error:
        # A full disk comes out of torch as its own error, beside that of the disk.
        if isinstance(error.__context__, OSError):
            raise error.__context__ from error
        raise


def _save_safetensors(content: Mapping[str, Any], path: Path) -> None:
    names = [name for name in STATE_KEYS if name in content]
    others = sorted(set(content) - {*names, 'meta'})
    if len(names) != 1 or others:
        raise FileError(
            f'A {SAFETENSORS} file holds weights and metadata; expected one of '
            f'{" or ".join(STATE_KEYS)}, and meta; got {sorted(content)}.'
        )
    tensors: dict[str, Tensor] = {}
    storages: set[int] = set()
    for key, value in content[names[0]].items():
        storage = value.untyped_storage().data_ptr()
        # The format has no two names of one tensor, and no views.
        tensors[key] = value.contiguous()
        if storage in storages and tensors[key].data_ptr() == value.data_ptr():
            tensors[key] = value.clone()
        storages.add(storage)
    meta = {'format': 'pt', **{k: str(v) for k, v in content.get('meta', {}).items()}}
    meta[_DIGEST] = digest_of_tensors(tensors)
    path.touch()
    mode = path.stat().st_mode
    try:
        safetensors.torch.save_file(tensors, str(path), metadata=meta)
        path.chmod(mode)  # safetensors makes it private
    except SafetensorError as error:
        raise OSError(f'safetensors says: {_reason(error)}') from error


def _damaged(path: Path, who: str, error: BaseException) -> str:
    return (
        f'{path} cannot be read ({path.stat().st_size} bytes): it is no checkpoint, or '
        'it is damaged or cut short. Take an earlier checkpoint or copy it again. '
        f'({who} says: {_reason(error)})'
    )


def _reason(error: BaseException) -> str:
    """Return the line of a message that names the cause."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    causes = [line.split('. Please use')[0] for line in lines if 'nsupported' in line]
    return [*causes, *(line[:200] for line in lines), type(error).__name__][0]


def _fetch(address: str) -> Path:
    """Download ``address`` into torch's hub cache, once per machine.

    Processes wait for each other at a lock, not at a barrier: one that fails leaves
    nobody behind, and any of them may ask alone.
    """
    name = os.path.basename(urlparse(address).path)
    target = Path(torch.hub.get_dir()) / 'checkpoints' / name
    if target.is_file():
        return target
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with open(target.with_name(f'{name}.lock'), 'w') as lock:
            with contextlib.suppress(OSError):  # a file system without locks
                fcntl.flock(lock, fcntl.LOCK_EX)
            if not target.is_file():
                torch.hub.download_url_to_file(address, str(target), progress=False)
    except (OSError, HTTPException) as error:
        raise FileError(
            f'{address} could not be fetched ({error}). Download it on a machine '
            'that has a network, and give its path instead.'
        ) from error
    return target
