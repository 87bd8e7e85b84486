"""configs/uninext/eval on small copies of the downloads, converted as configs say."""

from __future__ import annotations

from pathlib import Path

import pytest
from mmengine.config import Config

from helpers import download_layouts as layouts
from uninext import converters as conv
from uninext.converters.referring_video import REF_DAVIS_FILES
from uninext.datasets.samplers import WholeVideoSampler
from uninext.registry import DATASETS

FOLDER = Path(__file__).resolve().parents[2] / 'configs/uninext/eval'


# config -> layout, converter, its splits
SETS = {
    'sot_lasot': (layouts.lasot, conv.convert_lasot, ['test']),
    'sot_lasot-ext': (layouts.lasot, conv.convert_lasot, ['all']),
    'sot_got10k': (layouts.got10k, conv.convert_got10k, ['test']),
    'sot_trackingnet': (layouts.trackingnet, conv.convert_trackingnet, ['test']),
    'sot_tnl2k': (layouts.tnl2k, conv.convert_tnl2k, [None]),
    'sot_otb': (layouts.otb, conv.convert_otb, [None]),
    'vos_davis17': (layouts.davis, conv.convert_davis, ['val']),
    'vos_ytvos18': (layouts.youtube_vos, conv.convert_youtube_vos, ['valid']),
    'rvos_refytvos': (layouts.ref_youtube_vos, conv.convert_ref_youtube_vos, ['valid']),
    'rvos_refdavis': (layouts.ref_davis, conv.convert_ref_davis, list(REF_DAVIS_FILES)),
}
# videos -> frames; (object, frame that shows it), per video
FRAMES = {
    'sot_lasot': [2],
    'sot_lasot-ext': [2, 5, 3],
    'sot_got10k': [3],
    'sot_trackingnet': [11],
    'sot_tnl2k': [2],
    'sot_otb': [2, 2, 1, 1],
    'vos_davis17': [3],
    'vos_ytvos18': [3],
    'rvos_refytvos': [2],
    'rvos_refdavis': [3] * 4,
}


@pytest.fixture(params=SETS)
def test_set(request, tmp_path):
    """Name, and the test set that the config describes."""
    layout, convert, splits = SETS[request.param]
    root = layout(tmp_path)
    cfg = Config.fromfile(FOLDER / f'{request.param}.py').test_dataloader.dataset
    parts = cfg.datasets if 'datasets' in cfg else [cfg]
    assert len(parts) == len(splits)
    for part, split in zip(parts, splits):
        options = dict(split=split) if split else {}
        convert(root, root / part.ann_file, progress=False, **options)
        part.data_root = str(root)
    return request.param, DATASETS.build(cfg)


def test_the_set_is_read_as_it_is_converted(test_set):
    name, dataset = test_set
    sampler = WholeVideoSampler(dataset)
    assert [end - start for start, end in sampler.spans] == FRAMES[name]
    first = dataset[0]['data_samples']
    shortest = min(first.img_shape)
    assert shortest == {'sot': 800, 'vos': 480, 'rvo': 480}[name[:3]]
    for start, end in sampler.spans:
        samples = [dataset[i]['data_samples'] for i in range(start, end)]
        assert [s.frame_id for s in samples] == list(range(end - start))
        shown = {i: s.prompt_starts for i, s in enumerate(samples) if s.prompt_starts}
        objects = [p.object_id for prompts in shown.values() for p in prompts]
        if name.startswith('vos'):
            # object 2 comes in the second frame
            assert objects == [1, 2]
            assert list(shown) == [0, 1]
            assert all(p.prompt.mask is not None for p in shown[0] + shown[1])
        elif name.startswith('sot'):
            assert objects == [1]
            assert list(shown) == [0]
            box = shown[0][0].prompt.box_xyxy
            assert box.tolist() == samples[0].instances[0]['bbox']
        else:
            assert list(shown) == [0]
            check_expressions(name, samples[0])


def check_expressions(name: str, sample) -> None:
    found = {
        p.own_meta['exp_id']: p.own_meta['expression'] for p in sample.prompt_starts
    }
    objects = [p.object_id for p in sample.prompt_starts]
    if name == 'rvos_refytvos':
        assert found == {'0': 'it', '1': 'a'}
        assert objects == [None, None]
        assert sample.video_name == 'v2'
        return
    number = list(REF_DAVIS_FILES).index(sample.set_name)
    assert found == {'1': f'a caf\u00e9 {number}', '2': f'man {number}'}
    assert [i['instance_id'] for i in sample.instances] == objects[:1]


def test_real_frames(data_dir, tmp_path):
    """The tiny config of OTB on the real sequence, its box as the benchmark has it."""
    root = data_dir / 'otb'
    conv.convert_otb(root, tmp_path / 'otb.json', progress=False)
    cfg = Config.fromfile(FOLDER / 'sot_otb_tiny.py').test_dataloader.dataset
    cfg.update(ann_file=str(tmp_path / 'otb.json'), data_root='')
    cfg.data_prefix = dict(img=str(root))
    dataset = DATASETS.build(cfg)
    lines = (root / 'Crossing/groundtruth_rect.txt').read_text().splitlines()
    assert len(dataset) == len(lines) == 120
    sample = dataset[0]['data_samples']
    x, y, width, height = map(float, lines[0].replace(',', ' ').split())
    assert sample.prompt_starts[0].prompt.box().tolist() == [
        x,
        y,
        x + width,
        y + height,
    ]
    assert dataset[119]['data_samples'].frame_id == 119
