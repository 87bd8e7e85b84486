"""VideoTestLoop: generated videos on disk -> datasets -> session -> metrics.

The model finds colours, so that every metric is known beforehand.
"""

from __future__ import annotations

import json
import multiprocessing
from pathlib import Path

import cv2
import pytest
import torch
import torch.distributed as dist
from mmengine.dataset import pseudo_collate
from mmengine.evaluator import Evaluator

from helpers import loop_on_shapes
from helpers.painted_world import HEIGHT, WIDTH, ColorModel, frame, painted
from uninext.engine import VideoTestLoop
from uninext.formats.rle import encode_mask
from uninext.models.trackers import VideoSession
from uninext.registry import MODELS

TRACKERS = dict(
    category=dict(type='PromptQuasiDenseTracker'),
    expression=dict(type='ExpressionTracker'),
    box=dict(type='TemplateTracker', template_size=64),
    mask=dict(
        type='TemplateTracker',
        template_size=64,
        update=dict(type='ConfidentTemplateUpdate'),
        merge=dict(type='SoftAggregation'),
    ),
)
UNMASKED = dict(box=dict(TRACKERS['box'], with_masks=False))
AVERAGED = dict(type='VideoInstanceTracker')
LENGTH = 5
PIPELINE = [
    dict(type='LoadImageOrExplain'),
    dict(type='Resize', scale=(WIDTH, HEIGHT), keep_ratio=True, backend='pillow'),
    dict(type='PackFrame'),
]


class OpenModel(ColorModel):
    """The model of colours with a door."""

    def __init__(self, **trackers: dict) -> None:
        super().__init__()
        cfgs = {**TRACKERS, **trackers}
        self.trackers = {kind: MODELS.build(cfg) for kind, cfg in cfgs.items()}
        self.num_opened = 0

    def open(self, scale: tuple[int, int] | None, trackers: dict) -> VideoSession:
        assert scale is None
        self.num_opened += 1
        return VideoSession(self, trackers or self.trackers, scale)


def box_of(color: str, index: int) -> list[int] | None:
    """Red goes right from the first frame on; green comes in the third."""
    if color == 'red':
        return [8 + 4 * index, 8, 32 + 4 * index, 24]
    return [60, 32 + 4 * (index - 2), 92, 48 + 4 * (index - 2)] if index >= 2 else None


def annotation_of(ann_id: int, color: str, object_id: int) -> dict:
    boxes = [box_of(color, index) for index in range(LENGTH)]
    return dict(
        id=ann_id,
        video_id=1,
        category_id=object_id,
        object_id=object_id,
        iscrowd=0,
        bboxes=[b and [b[0], b[1], b[2] - b[0], b[3] - b[1]] for b in boxes],
        segmentations=[b and encode_mask(painted(b).numpy()) for b in boxes],
    )


@pytest.fixture
def content(tmp_path: Path) -> dict:
    """A video of two things, and its frames on disk."""
    names = []
    for index in range(LENGTH):
        boxes = {c: b for c in ('red', 'green') if (b := box_of(c, index))}
        cv2.imwrite(str(tmp_path / f'{index:05d}.png'), frame(**boxes))
        names.append(f'{index:05d}.png')
    video = dict(
        id=1, name='things', width=WIDTH, height=HEIGHT, length=LENGTH, file_names=names
    )
    return dict(
        videos=[video],
        annotations=[annotation_of(11, 'red', 5), annotation_of(12, 'green', 3)],
        categories=[dict(id=5, name='red one'), dict(id=3, name='green one')],
    )


def make_loop(
    folder: Path, content: dict, dataset: dict, metric: dict, model=None, **options
) -> VideoTestLoop:
    (folder / 'ann.json').write_text(json.dumps(content))
    dataset = dict(
        dataset,
        data_root=str(folder),
        ann_file='ann.json',
        data_prefix=dict(img=''),
        pipeline=PIPELINE,
        test_mode=True,
    )
    model = model or OpenModel()
    return loop_on_shapes.make_loop(dataset, model, Evaluator(metric), **options)


@pytest.mark.parametrize('with_masks', [True, False])
def test_a_loop_may_bring_its_own_trackers(tmp_path, content, with_masks):
    sot, metric = (
        dict(type='SingleObjectDataset'),
        dict(type='SOTMetric', rules='lasot'),
    )
    trackers = None if with_masks else UNMASKED
    loop = make_loop(tmp_path, content, sot, metric, trackers=trackers)
    seen: list = []
    loop.evaluator.process = lambda data_samples, **_: seen.extend(data_samples)
    loop.run_iter(0, next(iter(loop.dataloader)))
    assert ('masks' in seen[0].pred_instances) == with_masks


def test_a_session_for_each_video(tmp_path, content):
    del content['annotations'][1]
    content['videos'].append({**content['videos'][0], 'id': 2, 'name': 'again'})
    content['annotations'].append({**content['annotations'][0], 'video_id': 2})
    loop = make_loop(
        tmp_path,
        content,
        dict(type='SingleObjectDataset'),
        dict(type='SOTMetric', rules='otb'),
    )
    assert loop.run()['sot/AO'] == pytest.approx(1, abs=1e-4)
    assert loop.runner.model.num_opened == 2


def test_targets_by_mask_that_come_later(tmp_path, content):
    dataset = dict(type='SingleObjectDataset', target='mask')
    metric = dict(
        type='VOSMetric', frames='after_first', outfile_prefix=f'{tmp_path}/out'
    )
    metrics = make_loop(tmp_path, content, dataset, metric).run()
    assert metrics['vos/J&F'] == 1
    image = tmp_path / 'out/Annotations/things/00004.png'
    from PIL import Image

    assert set(Image.open(image).getdata()) == {0, 3, 5}  # the file's object_id


def test_instances_of_videos(tmp_path, content):
    loop = make_loop(
        tmp_path,
        content,
        dict(type='VideoInstanceDataset'),
        dict(type='VideoInstanceMetric'),
        OpenModel(category=AVERAGED),
    )
    assert loop.run()['vis/AP'] == pytest.approx(1)


@pytest.mark.parametrize('similarity', ['bbox', 'segm'])
def test_tracks(tmp_path, content, similarity):
    pytest.importorskip('trackeval')
    metric = dict(type='TrackingMetric', similarity=similarity)
    loop = make_loop(tmp_path, content, dict(type='VideoInstanceDataset'), metric)
    metrics = loop.run()
    assert metrics['track/HOTA'] == pytest.approx(1, abs=1e-3)
    assert metrics['track/CLR_FP'] == metrics['track/CLR_FN'] == 0


@pytest.mark.parametrize('merged', [False, True])
def test_expressions_of_a_video_at_once(tmp_path, content, merged):
    content['videos'][0]['expressions'] = ['the red one', 'what is green']
    content['videos'][0]['object_ids'] = [5, 3]
    metric = dict(
        type='ReferringVOSMetric', merged=merged, outfile_prefix=f'{tmp_path}/out'
    )
    expression = dict(type='ExpressionTracker', score_threshold=0.5)
    if merged:
        expression['merge'] = dict(type='SoftAggregation')
    model = OpenModel(expression=expression)
    dataset = dict(type='ReferringVideoDataset')
    metrics = make_loop(tmp_path, content, dataset, metric, model).run()
    assert metrics['rvos/J&F'] == 1
    assert model.num_features == LENGTH  # a frame is looked at once
    files = {p.name for p in (tmp_path / 'out/Annotations/things').iterdir()}
    assert files == ({f'{i:05d}.png' for i in range(5)} if merged else {'5', '3'})


def test_withheld_labels(tmp_path, content):
    """As a server has it: one record per expression, no annotation."""
    video = content['videos'][0]
    content['videos'] = [
        dict(video, id=i, video='clip', exp_id=str(i), expressions=[text])
        for i, text in enumerate(['red', 'green'])
    ]
    content['annotations'] = []
    prefix = f'{tmp_path}/out'
    metric = dict(
        type='ReferringVOSMetric',
        format_only=True,
        with_zip=True,
        outfile_prefix=prefix,
    )
    loop = make_loop(tmp_path, content, dict(type='ReferringVideoDataset'), metric)
    assert loop.run() == {}
    assert loop.runner.model.num_features == LENGTH
    folder = tmp_path / 'out/Annotations/clip'
    assert len(list(folder.glob('[01]/*.png'))) == 2 * LENGTH
    red = cv2.imread(str(folder / '0/00001.png'), cv2.IMREAD_GRAYSCALE) > 0
    assert torch.equal(torch.from_numpy(red), painted(box_of('red', 1)))


def test_frames_out_of_turn(tmp_path, content):
    loop = make_loop(
        tmp_path,
        content,
        dict(type='VideoInstanceDataset'),
        dict(type='VideoInstanceMetric'),
        OpenModel(category=AVERAGED),
    )
    dataset = loop.dataloader.dataset
    with pytest.raises(ValueError, match='Frame 2 of video 1 .*WholeVideoSampler'):
        loop.run_iter(0, pseudo_collate([dataset[2]]))
    loop.run_iter(0, pseudo_collate([dataset[0]]))
    with pytest.raises(ValueError, match='Frame 2 of video 1 .*WholeVideoSampler'):
        loop.run_iter(1, pseudo_collate([dataset[2]]))
    with pytest.raises(ValueError, match='2 frames; .*batch_size=1'):
        loop.run_iter(1, pseudo_collate([dataset[1], dataset[2]]))


def of_lengths(content: dict, *lengths: int) -> dict:
    """Videos that begin as that of the content; the last one's target is elsewhere."""
    video, annotation = content['videos'][0], content['annotations'][0]
    videos, annotations = [], []
    for i, length in enumerate(lengths):
        names = video['file_names'][:length]
        videos.append({**video, 'id': i, 'name': f'v{i}', 'file_names': names})
        videos[-1]['length'] = length
        boxes = annotation['bboxes'][:length]
        if i == len(lengths) - 1:  # right in the first frame alone
            boxes[1:] = [[100, 40, 20, 20]] * (length - 1)
        annotations.append({**annotation, 'video_id': i, 'bboxes': boxes})
        annotations[-1].pop('segmentations')
    return {**content, 'videos': videos, 'annotations': annotations}


def _test_videos(folder: Path, content: dict) -> tuple[dict[str, float], int]:
    """Metrics, and the number of videos that this process has opened."""
    dataset = dict(type='SingleObjectDataset')
    loop = make_loop(folder, content, dataset, dict(type='SOTMetric', rules='otb'))
    return loop.run(), loop.runner.model.num_opened


def _test_on_rank(
    rank: int,
    num_ranks: int,
    folder: Path,
    content: dict,
    results: multiprocessing.Queue,
) -> None:
    torch.set_num_threads(1)
    store = f'file://{folder}/store'
    dist.init_process_group('gloo', init_method=store, rank=rank, world_size=num_ranks)
    own = folder / f'rank{rank}'  # the annotation file is written by each
    own.mkdir()
    for path in folder.glob('*.png'):
        (own / path.name).symlink_to(path)
    results.put((rank, *_test_videos(own, content)))
    dist.destroy_process_group()


@pytest.mark.parametrize(
    ('num_ranks', 'shared'),
    [(2, [1, 2]), (4, [1, 1, 1, 0])],
    ids=['uneven', 'more processes than videos'],
)
def test_videos_are_shared_by_processes(
    tmp_path, content, monkeypatch, num_ranks, shared
):
    """The metrics are those of one process, to the last bit."""
    monkeypatch.chdir(tmp_path)
    content = of_lengths(content, 2, LENGTH, 3)
    expected, num_opened = _test_videos(tmp_path, content)
    assert num_opened == 3
    assert expected['sot/AO'] == pytest.approx((1 + 1 + 1 / 3) / 3, abs=1e-4)
    context = multiprocessing.get_context('fork')
    results = context.Queue()
    ranks = [
        context.Process(
            target=_test_on_rank, args=(r, num_ranks, tmp_path, content, results)
        )
        for r in range(num_ranks)
    ]
    for process in ranks:
        process.start()
    found = sorted(
        (results.get(timeout=60) for _ in ranks), key=lambda result: result[0]
    )
    for process in ranks:
        process.join()
    assert [metrics for _, metrics, _ in found] == [expected] * num_ranks
    assert [opened for *_, opened in found] == shared
