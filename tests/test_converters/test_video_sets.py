from __future__ import annotations

import json

import pytest

from helpers import download_layouts as layouts
from helpers.tools import run_tool
from uninext.converters import VIDEO_SETS, VideoCheck
from uninext.datasets import (
    ReferringVideoDataset,
    SingleObjectDataset,
    VideoInstanceDataset,
)

TOOL = 'tools/dataset_converters/video_set.py'
# set -> what writes its download, splits
SETS = {
    'lasot': (layouts.lasot, 'train', 'test'),
    'lasot-ext': (layouts.lasot, 'all'),
    'got10k': (layouts.got10k, 'train', 'test'),
    'trackingnet': (layouts.trackingnet, 'train', 'test'),
    'tnl2k': (layouts.tnl2k, 'all'),
    'otb': (layouts.otb, 'all'),
    'youtube-vos': (layouts.youtube_vos, 'train', 'valid'),
    'davis2016': (layouts.davis, 'train'),
    'davis2017': (layouts.davis, 'train', 'val'),
    'ref-youtube-vos': (layouts.ref_youtube_vos, 'train', 'valid'),
    'ref-davis': (layouts.ref_davis, 'annot1-first', 'annot2-full'),
}
PLACES = [(name, split) for name, (_, *splits) in SETS.items() for split in splits]
READ_BY = {'davis2016': VideoInstanceDataset}
READ_BY |= dict.fromkeys(('ref-youtube-vos', 'ref-davis'), ReferringVideoDataset)


def test_every_set_is_tested():
    assert set(SETS) == set(VIDEO_SETS)


@pytest.mark.parametrize('name', VIDEO_SETS)
def test_empty_download_is_explained(name, tmp_path, capsys):
    out = tmp_path / 'out' / 'a.json'
    assert run_tool(TOOL, name, tmp_path / 'no', out) == 2
    message = capsys.readouterr().err
    assert 'does not exist' in message
    assert VIDEO_SETS[name].layout.split(':')[0] in message
    assert not out.parent.exists()


@pytest.mark.parametrize('name', VIDEO_SETS)
def test_help_says_the_layout(name, capsys):
    with pytest.raises(SystemExit):
        run_tool(TOOL, name, '--help')
    said = ' '.join(capsys.readouterr().out.split())
    # argparse breaks lines at hyphens too
    layout = VIDEO_SETS[name].layout.replace('- ', '-')
    assert layout.split()[-1] in said.replace('- ', '-')


@pytest.mark.parametrize(('name', 'split'), PLACES)
def test_converted_set_passes_the_check_and_is_read(name, split, tmp_path, capsys):
    root, out = SETS[name][0](tmp_path / 'd'), tmp_path / 'deep' / 'a.json'
    is_first = split == VIDEO_SETS[name].splits[0]
    options = [] if is_first else ['--split', split]
    assert run_tool(TOOL, name, root, out, *options) == 0
    assert f'{out}: ' in capsys.readouterr().out
    assert [p.name for p in out.parent.iterdir()] == ['a.json']
    images = root / VIDEO_SETS[name].images.replace('<split>', split)
    found = VideoCheck(out, images, progress=False).found
    # boxes may leave the frame, as those of the sets do
    assert set(found.skipped) <= {'box that leaves the frame'}
    assert found.videos
    assert found.boxes or not is_first
    dataset_type = READ_BY.get(name, SingleObjectDataset)
    dataset = dataset_type(
        ann_file=str(out),
        data_prefix=dict(img=str(images)),
        metainfo=dict(classes=('object',)),
        pipeline=[],
        test_mode=True,
        serialize_data=False,
    )
    content = json.loads(out.read_text())
    lengths = {v['id']: v['length'] for v in content['videos']}
    if dataset_type is ReferringVideoDataset:  # all expressions of a video at once
        lengths = {tuple(v['file_names']): v['length'] for v in content['videos']}
    assert len(dataset) == sum(lengths.values())
    frames = [dataset.get_data_info(i) for i in range(len(dataset))]
    shown = {(f['video_id'], i['instance_id']) for f in frames for i in f['instances']}
    annotated = [a for a in content['annotations'] if any(a['bboxes'])]
    assert len(shown) == len({(a['video_id'], a['id']) for a in annotated})


def test_strict_names_what_is_absent(tmp_path, capsys):
    root = layouts.lasot(tmp_path)
    (root / 'dog' / 'dog-1' / 'img' / '00000001.jpg').unlink()
    args = ['lasot', str(root), str(tmp_path / 'a.json')]
    assert run_tool(TOOL, *args, '--strict') == 2
    assert 'frame that is not on disk: ' in capsys.readouterr().err
    assert not (tmp_path / 'a.json').exists()


def test_options_reach_the_converter(tmp_path, capsys):
    root, out = layouts.trackingnet(tmp_path / 'd'), tmp_path / 'a.json'
    run_tool(TOOL, 'trackingnet', root, out, '--chunks', '5')
    assert [v['name'] for v in json.loads(out.read_text())['videos']] == [
        'video_TRAIN_5'
    ]
