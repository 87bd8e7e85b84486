"""The 14 sources of stage 3 from downloads to a batch, by the commands of the docs.

docs/data_preparation.md says where each download goes and how it is converted: the test
follows it to the letter, then the config reads the result unchanged.
"""

from __future__ import annotations

import copy
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope

from helpers import stage3_downloads
from helpers.download_layouts import DARKEST_OBJECT, SIZE_WH
from helpers.tools import run_tool
from uninext.cli import main
from uninext.datasets import MultiTaskDataset, SampleDraw
from uninext.registry import DATASETS, MODELS
from uninext.structures import Prompt, UninextDataSample, VisualPrompt

ROOT = Path(__file__).resolve().parents[2]
CONFIG = ROOT / 'configs/uninext/stage3_video.py'
NAMES, EXPRESSION, TARGET = 'names', 'expression', 'target'
SMALL = (320, 640)
# source -> what is asked for, masks or boxes only, shorter side of the frames
EXPECTED = {
    'ovis': (NAMES, True, (480, 800)),
    'ytvis_2019': (NAMES, True, SMALL),
    'coco': (NAMES, True, (480, 800)),
    'bdd100k_det': (NAMES, False, (480, 800)),
    'bdd100k_box_track': (NAMES, False, (480, 800)),
    'bdd100k_ins_seg': (NAMES, True, (480, 800)),
    'bdd100k_seg_track': (NAMES, True, (480, 800)),
    'refcoco': (EXPRESSION, True, (480, 800)),
    'refytvos': (EXPRESSION, True, SMALL),
    'got10k': (TARGET, False, (480, 800)),
    'lasot': (TARGET, False, (480, 800)),
    'trackingnet': (TARGET, False, (480, 800)),
    'coco_sot': (TARGET, True, (480, 800)),
    'ytvos18': (TARGET, True, SMALL),
}
BRIGHT = DARKEST_OBJECT / 2


def section() -> str:
    """Stage 3 of the docs."""
    text = (ROOT / 'docs/data_preparation.md').read_text()
    return re.search(r'^## Stage 3.*?(?=^## )', text, re.M | re.S).group()


def commands() -> list[list[str]]:
    """Its commands."""
    blocks = re.findall(r'```bash\n(.*?)```', section(), re.S)
    lines = ''.join(blocks).replace('\\\n', ' ').splitlines()
    return [shlex.split(line) for line in lines]


@pytest.fixture(scope='module')
def config() -> Config:
    return Config.fromfile(CONFIG)


@pytest.fixture(scope='module')
def folder(tmp_path_factory) -> Path:
    """Downloads, converted: where a user would start the training."""
    folder = tmp_path_factory.mktemp('user')
    stage3_downloads.write_all(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for words in commands():
            if 'dataset_converters' in words[1]:
                assert run_tool(*words[1:]) == 0, words
    return folder


@pytest.fixture(scope='module', autouse=True)
def _quick() -> Iterator[None]:
    """mmengine collects the garbage of the whole process for every source."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr('gc.collect', lambda: 0)
        yield


@pytest.fixture(scope='module')
def dataset(folder: Path, config: Config) -> Iterator[MultiTaskDataset]:
    """The training set of the config, unchanged, read in that folder."""
    init_default_scope('uninext')
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        built = DATASETS.build(copy.deepcopy(config.train_dataloader.dataset))
        built.full_init()
        yield built


def draw(dataset: MultiTaskDataset, name: str, seed: int = 0) -> dict:
    position = [source.name for source in dataset.sources].index(name)
    return dataset[SampleDraw(int(dataset._starts[position]), seed)]


def frames_of(packed: dict) -> list[tuple[torch.Tensor, UninextDataSample]]:
    sample = packed['data_samples']
    frames = [(packed['inputs'], sample)]
    if 'reference' in sample:
        frames.append((packed['reference_inputs'], sample.reference))
    return frames


def check_objects(image: torch.Tensor, sample: UninextDataSample) -> dict[int, int]:
    """What is painted is where the sample says; returns the colour of each id."""
    colors = {}
    objects = sample.gt_instances
    bright = image.amax(0) > BRIGHT
    # from 3 pixels of the file on: smaller ones are blurred by resizing and JPEG
    least = 3 * min(sample.img_shape) / max(SIZE_WH)
    for k, box in enumerate(objects.bboxes.tensor.round().int().tolist()):
        x1, y1, x2, y2 = box
        if min(x2 - x1, y2 - y1) < least:
            continue
        assert bright[y1:y2, x1:x2].float().mean() > 0.8
        if 'masks' in objects:
            mask = torch.from_numpy(objects.masks.masks[k]).bool()
            inside = torch.zeros_like(mask)
            inside[y1:y2, x1:x2] = bright[y1:y2, x1:x2]
            assert (mask & inside).sum() / (mask | inside).sum() > 0.8
        color = image[:, y1:y2, x1:x2].float().mean((1, 2)).argmax()
        colors[int(objects.instances_ids[k])] = int(color)
    return colors


def test_docs_and_config_name_the_same_files(config):
    sources = config.train_dataloader.dataset.sources
    assert [source.name for source in sources] == list(EXPECTED)
    rows = re.findall(r'^\| `(\w+)` \|.*\| `(\S+)/` \| `(\S+\.json)`', section(), re.M)
    assert [row[0] for row in rows] == list(EXPECTED)
    for source, (name, images, ann_file) in zip(sources, rows):
        files = source.dataset
        assert f'{files.data_root}{files.ann_file}' == f'data/{ann_file}', name
        prefix = f'{files.data_root}{files.data_prefix.img}'
        assert f'data/{images}/'.startswith(prefix), name


def test_all_sources_are_read(dataset):
    sizes = dict(zip(EXPECTED, dataset.source_sizes))
    # one of LaSOT: dog-1 is seen in one frame only
    more = dict(bdd100k_ins_seg=2, refcoco=2, trackingnet=4)
    assert sizes == {**dict.fromkeys(EXPECTED, 1), **more}


@pytest.mark.parametrize('name', EXPECTED)
def test_one_sample_of_each(name, dataset):
    asked, with_masks, (shortest, longest) = EXPECTED[name]
    packed = draw(dataset, name)
    sample = packed['data_samples']
    assert sample.source == name
    assert isinstance(sample.prompt, VisualPrompt if asked == TARGET else Prompt)
    assert sample.prompt.pooled is (asked != NAMES)
    assert ('reference' in sample) is (asked != TARGET)
    colors = []
    for image, frame in frames_of(packed):
        assert image.dtype == torch.uint8
        assert tuple(image.shape) == (3, *frame.img_shape)
        assert shortest <= min(frame.img_shape) <= longest
        objects = frame.gt_instances
        assert len(objects) >= 1
        assert ('masks' in objects) is with_masks
        assert objects.labels.max() < len(frame.prompt.names)
        colors.append(check_objects(image, frame))
    if asked == TARGET:
        (template,) = sample.prompt.templates
        assert tuple(template.image.shape) == (3, 256, 256)
        (target,) = sample.gt_instances.instances_ids.tolist()
        shown = template.image[:, template.prior > 0.5].mean(1)
        assert shown.max() > BRIGHT
        assert colors[0].get(target, int(shown.argmax())) == int(shown.argmax())
    else:  # one id is one object in both frames
        assert colors[0]
        for identity in colors[0].keys() & colors[1].keys():
            assert colors[0][identity] == colors[1][identity]


@pytest.mark.parametrize('name', ['ytvis_2019', 'bdd100k_det', 'lasot'])
def test_a_batch_reaches_the_network(name, dataset, config):
    """Through the data preprocessor: clips (B, 2, 3, H, W), with a target images."""
    preprocessor = MODELS.build(copy.deepcopy(config.model.data_preprocessor))
    batch = [draw(dataset, name, seed) for seed in (1, 2)]
    keys = batch[0].keys()
    data = preprocessor({k: [item[k] for item in batch] for k in keys}, True)
    asked, with_masks, _ = EXPECTED[name]
    shape = tuple(data['inputs'].shape)
    assert shape[:-2] == ((2, 3) if asked == TARGET else (2, 2, 3))
    assert data['inputs'].isfinite().all()
    for sample in data['data_samples']:
        assert sample.batch_input_shape == shape[-2:]
        if with_masks:
            assert sample.gt_instances.masks.masks.shape[1:] == shape[-2:]
    if asked == TARGET:
        templates = [s.prompt.templates[0] for s in data['data_samples']]
        assert preprocessor.template_inputs(templates).shape == (2, 4, 256, 256)


def test_the_dry_run_of_the_docs(folder, dataset, monkeypatch, capsys):
    """4 ranks x 500 batches: every share within five standard deviations."""
    (words,) = (w for w in commands() if w[1] == 'tools/train.py')
    monkeypatch.chdir(folder)
    words[words.index('--dry-run-batches') + 1] = '500'
    # images of all sources are drawn by hand: see the same samples above
    at = words.index('--dry-run-images')
    del words[at : at + 2]
    assert main(['train', str(CONFIG), *words[3:]]) == 0
    said = capsys.readouterr().out
    assert '4 ranks x 500 batches' in said
    rows = [line.split() for line in said.splitlines() if '%' in line][:14]
    assert [row[0] for row in rows] == list(EXPECTED)
    shares = np.array([[float(v.rstrip('%')) / 100 for v in r[4:8]] for r in rows])
    for drawn, expected in (shares[:, :2].T, shares[:, 2:].T):
        bound = 5 * np.sqrt(expected * (1 - expected) / 2000)
        assert (abs(drawn - expected) < bound + 1e-4).all()
