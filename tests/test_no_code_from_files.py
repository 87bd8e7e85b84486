"""No line of ours runs code that a file or a user brings."""

from __future__ import annotations

import pytest

from helpers.tools import ROOT
from helpers.unsafe_calls import unsafe_calls

SOURCES = [
    path
    for folder in ('uninext', 'tools', 'demo')
    for path in sorted((ROOT / folder).rglob('*.py'))
]
# a reader that finds no class at all: tests/test_converters/test_refer.py
CONFINED = {'uninext/converters/refer.py': {'pickle.Unpickler'}}
BAD = {
    'pickle': [
        'import pickle\npickle.load(f)',
        'import pickle as p\np.loads(b)',
        'from pickle import loads',
        'from pickle import *',
        'from pickle import load as get',
        'import pickle\nclass A(pickle.Unpickler): pass',
        'import pickle\nread = pickle.load',
        'import pickle\ngetattr(pickle, "load")(f)',
        'import shelve\nshelve.open(x)',
        'import joblib\njoblib.load(x)',
        'import marshal\nmarshal.loads(x)',
        'import pandas as pd\npd.read_pickle(x)',
    ],
    'torch': [
        'import torch\ntorch.load(f)',
        'import torch\ntorch.load(f, weights_only=False)',
        'import torch\ntorch.load(f, weights_only=only)',
        'import torch\ntorch.load(f, **options)',
        'import torch as t\nt.load(f)',
        'from torch import load\nload(f)',
        'from torch.serialization import load as read\nread(f)',
        'import torch\ntorch.jit.load(f)',
        'import torch\ntorch.hub.load(f, g)',
    ],
    'numpy': [
        'import numpy as np\nnp.load(f, allow_pickle=True)',
        'import numpy as np\nnp.load(f, None, True)',
        'import numpy as np\nnp.load(f, allow_pickle=trusted)',
        'import numpy as np\nnp.load(*given)',
        'import numpy as np\nnp.load(f, **options)',
        'import numpy\nnumpy.load(f, allow_pickle=1)',
        'from numpy import load\nload(f, None, 1)',
    ],
    'yaml': [
        'import yaml\nyaml.load(x)',
        'import yaml\nyaml.load(x, Loader=yaml.Loader)',
        'import yaml\nyaml.load(x, yaml.UnsafeLoader)',
        'import yaml\nyaml.load(x, Loader=loader)',
        'import yaml\nyaml.unsafe_load(x)',
        'from yaml import full_load',
    ],
    'mmengine': [
        'import mmengine\nmmengine.load(f)',
        'from mmengine.fileio import load\nload(f, file_format="pkl")',
    ],
    'shell': [
        'import os\nos.system(x)',
        'from os import system as do',
        'import os as o\no.popen(x)',
        'import subprocess\nsubprocess.run(x, shell=True)',
        'import subprocess\nsubprocess.run(x, shell=is_text)',
        'import subprocess\nsubprocess.Popen(x, -1, None, a, b, c, None, True, True)',
        'import subprocess\nsubprocess.run(x, **options)',
        'import subprocess as sp\nsp.getoutput(x)',
        'import asyncio\nasyncio.create_subprocess_shell(x)',
        'run(x, shell=True)',
        'run(["sh", "-c", x])',
        'command = ("/bin/bash", "-lc", x)',
        'run(["env", "bash", "-c", x])',
        'run(["cmd", "/c", x])',
        'run(shlex.split("sh -c " + x))',
        'run(f"bash -c {x}")',
    ],
    'eval': [
        'eval(x)',
        'exec(x)',
        'compile(x, y, "exec")',
        'run = eval',
        'import builtins\nbuiltins.exec(x)',
        'import runpy\nrunpy.run_path(x)',
    ],
}
FINE = [
    '',
    'import pickle\npickle.dumps(x)',
    'import torch\ntorch.load(f, weights_only=True)',
    'import numpy as np\nnp.load(f)',
    'import numpy as np\nnp.load(f, allow_pickle=False)',
    'import yaml\nyaml.load(x, Loader=yaml.SafeLoader)\nyaml.safe_load(x)',
    'import subprocess\nsubprocess.run(x, shell=False, check=True)',
    'run(["bash", "script.sh", "-c"])',
    'model.eval()\nre.compile(x)\nsession.open(x)\njson.load(f)\nload(f)',
    'run(x, **options)',
]


def test_no_code_of_files_is_run():
    found = {}
    for path in SOURCES:
        name = path.relative_to(ROOT).as_posix()
        found[name] = list(unsafe_calls(path.read_text(), CONFINED.get(name, set())))
    assert len(found) > 300
    assert {name: wrong for name, wrong in found.items() if wrong} == {}


def test_what_is_confined_is_there():
    for name, confined in CONFINED.items():
        found = {
            text.partition(': ')[2] for text in unsafe_calls((ROOT / name).read_text())
        }
        assert found == confined


@pytest.mark.parametrize('kind', BAD)
def test_each_bad_kind_is_found(kind):
    assert [code for code in BAD[kind] if not list(unsafe_calls(code))] == []


@pytest.mark.parametrize('code', FINE)
def test_what_is_fine(code):
    assert not list(unsafe_calls(code))
