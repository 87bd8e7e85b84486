"""What is done to a file that is right; all of it follows from a ``random.Random``."""

from __future__ import annotations

import copy
import io
import json
import random
import re
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
from PIL import Image

Files = dict[str, bytes]  # name below a folder -> content

ODD_VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 2, 1.5, -0.0, 1e-320, 1e308, -1e308),
    *(float('nan'), float('inf'), 2**31, 2**63, 2**64, 10**30, 10**400, -(10**30)),
    *(
        '',
        ' ',
        '1',
        'nan',
        'x' * 10_000,
        '\u0000',
        '\U0001f600',
        '\u05d0\u05d1',
        '\ud800',
    ),
    *('../../../etc/passwd', '/etc/passwd', '~', 'a/b\\c', '%s%n', '{}'),
    *([], {}, [[]], [None], [0, 0, 0, 0], [-5, -5, -5, -5], [1, 2], {'size': [1, 1]}),
    *({'size': [12, 16], 'counts': ''}, {'size': [12, 16], 'counts': [192]}),
    *({'size': [10**6, 10**6], 'counts': [10**12]}, {'size': None, 'counts': 'a'}),
    *([[1, 1, 5, 5]], [[1, 1, 5, 1, 5]], [[1, 1, 5, 1, 5, 5]], [[0] * 6], [[1e9] * 6]),
)
ODD_WORDS = (
    *('', '-1', '0', '1.5', 'nan', 'inf', '1e400', '1e300', '9' * 30, '9' * 5000),
    *('null', 'x', '\U0001f600', '\u0663', '-', ',', ';', '\t', '\x00', '1 2', '0x10'),
)
MODES = ('1', 'L', 'LA', 'P', 'RGB', 'RGBA', 'CMYK', 'YCbCr', 'I', 'I;16', 'F')
SIZES = ((1, 1), (1, 8000), (8000, 1), (3, 5), (16, 12), (12, 16), (17, 13))


def mutate(files: Files, rng: random.Random) -> Files:
    """Change one file, one to three times."""
    files = dict(files)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        names = sorted(files)
        if not names:
            break
        name = rng.choice(names)
        suffix = name.rpartition('.')[2]
        change = _BY_SUFFIX.get(suffix, _bytes) if rng.random() < 0.85 else _bytes
        if rng.random() < 0.03:
            del files[name]
        else:
            files[name] = change(files[name], rng)
    return files


def _bytes(content: bytes, rng: random.Random) -> bytes:
    """Cut, flip, insert, repeat, leave out."""
    if not content:
        return rng.randbytes(rng.randrange(20))
    place = rng.randrange(len(content))
    end = min(len(content), place + rng.randrange(1, 40))
    return rng.choice(
        (
            lambda: b'',
            lambda: content[:place],
            lambda: content[place:],
            lambda: content[:place] + content[end:],
            lambda: content[:end] + content[place:],
            lambda: content[:place] + rng.randbytes(end - place) + content[end:],
            lambda: content[:place] + bytes([content[place] ^ 1 << rng.randrange(8)])
            + content[place + 1 :],
            lambda: b'\xff\xfe' + content,
            lambda: b'\xef\xbb\xbf' + content,
            lambda: content * 2,
        )
    )()  # fmt: skip


def _json(content: bytes, rng: random.Random) -> bytes:
    """Change one value, key or entry, wherever it is."""
    try:
        tree = json.loads(content)
    except (ValueError, RecursionError):
        return _bytes(content, rng)
    if rng.random() < 0.02:
        return b'[' * 100_000 if rng.random() < 0.5 else json.dumps([tree]).encode()
    places = list(_places(tree))
    if not places:
        return json.dumps(rng.choice(ODD_VALUES[:-1])).encode()
    owner, key = rng.choice(places)
    action = rng.randrange(8)
    value = owner[key]
    if action == 0:
        del owner[key]
    elif action == 1 and isinstance(owner, list):
        owner.insert(key, copy.deepcopy(value))
    elif action == 2 and isinstance(value, (int, float)):
        owner[key] = rng.choice((-value, value * 2, value + 1, str(value), [value]))
    elif action == 3 and isinstance(value, str):
        owner[key] = rng.choice((value[:-1], value * 2, value.upper(), [value]))
    elif action == 4:
        other, other_key = rng.choice(places)
        owner[key] = copy.deepcopy(other[other_key])
    elif action == 5 and isinstance(owner, dict):
        owner[rng.choice(('', 'x', key.upper()))] = owner.pop(key)
    else:
        owner[key] = copy.deepcopy(rng.choice(ODD_VALUES))
    return json.dumps(tree).encode()


def _places(tree: Any) -> Any:
    """Every (container, key) of a tree."""
    keys: Any = ()
    if isinstance(tree, dict):
        keys = list(tree)
    elif isinstance(tree, list):
        keys = range(len(tree))
    for key in keys:
        yield tree, key
        yield from _places(tree[key])


def _text(content: bytes, rng: random.Random) -> bytes:
    """Change a word or a line."""
    lines = content.decode(errors='replace').split('\n')
    place = rng.randrange(len(lines))
    action = rng.randrange(6)
    if action == 0:
        del lines[place]
    elif action == 1:
        lines.insert(place, lines[place])
    elif action == 2:
        lines[place] = rng.choice(ODD_WORDS)
    else:
        words = re.split(r'([,;\s=:]+)', lines[place])
        words[rng.randrange(len(words))] = rng.choice(ODD_WORDS)
        lines[place] = ''.join(words)
    return '\n'.join(lines).encode(errors='replace')


def _image(content: bytes, rng: random.Random) -> bytes:
    """An image of another kind or size, a bomb, or the file damaged."""
    if rng.random() < 0.4:
        return _bytes(content, rng)
    if rng.random() < 0.05:
        return bomb()
    return encode_image(rng)


def encode_image(rng: random.Random) -> bytes:
    """A small file of any mode, size, format and orientation."""
    mode, size = rng.choice(MODES), rng.choice(SIZES)
    draw = np.random.default_rng(rng.randrange(1000)).integers
    values = draw(0, rng.choice((3, 256)), (size[1], size[0], 3))
    image = Image.fromarray(values.astype(np.uint8))
    image = (image.convert('L') if mode.startswith('I') else image).convert(mode)
    exif = Image.Exif()
    exif[0x0112] = rng.choice((0, 1, 3, 6, 8, 99))
    for form in rng.sample(('PNG', 'JPEG', 'TIFF', 'WEBP', 'BMP', 'GIF'), 6):
        file = io.BytesIO()
        try:
            turned = {} if form in ('BMP', 'GIF') else dict(exif=exif)
            image.save(file, format=form, **turned)
        except (OSError, ValueError, KeyError):
            continue  # not every format has every mode
        return file.getvalue()
    raise AssertionError(mode)


def bomb() -> bytes:
    """A PNG of a few bytes whose header says 100,000 x 100,000."""
    file = io.BytesIO()
    Image.new('L', (1, 1)).save(file, format='PNG')
    content = file.getvalue()
    header = b'IHDR' + (100_000).to_bytes(4, 'big') * 2 + content[24:29]
    crc = zlib.crc32(header).to_bytes(4, 'big')
    return content[:12] + header + crc + content[33:]


_BY_SUFFIX: dict[str, Callable[[bytes, random.Random], bytes]] = dict(
    json=_json, txt=_text, ini=_text, label=_text, png=_image, jpg=_image
)
