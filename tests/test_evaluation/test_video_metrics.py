from __future__ import annotations

import errno
import json
import multiprocessing
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.distributed as dist
from mmengine.evaluator import Evaluator
from mmengine.structures import InstanceData

from uninext.evaluation import (
    BDD100KTrackingMetric,
    ReferringVOSMetric,
    SOTMetric,
    TrackingMetric,
    VideoInstanceMetric,
    VOSMetric,
)
from uninext.evaluation.result_files import evaluate_davis, evaluate_mot, evaluate_sot
from uninext.formats.index_png import read_object_ids
from uninext.formats.rle import encode_mask
from uninext.registry import METRICS
from uninext.structures import UninextDataSample
from uninext.utils.files import FileError

SIZE = (20, 30)
METRIC_TYPES = [
    ReferringVOSMetric,
    SOTMetric,
    TrackingMetric,
    VOSMetric,
    VideoInstanceMetric,
]


def make_mask(box) -> np.ndarray:
    mask = np.zeros(SIZE, bool)
    x1, y1, x2, y2 = (int(value) for value in box)
    mask[y1:y2, x1:x2] = True
    return mask


def make_box(frame: int, instance: int = 1) -> list[float]:
    """Object 1 goes right in the upper half, object 2 in the lower."""
    y = 1 if instance == 1 else 11
    return [2.0 + frame, y, 10.0 + frame, y + 7.0]


def make_target(frame: int, instance: int = 1, **more) -> dict:
    box = make_box(frame, instance)
    target = dict(bbox=box, bbox_label=0, ignore_flag=0, instance_id=instance)
    return {**target, 'mask': encode_mask(make_mask(box)), **more}


def make_frame(
    frame: int, predictions: list, targets: list, length: int = 4, **meta
) -> UninextDataSample:
    """A frame with predictions ``(id, box, score)``."""
    meta = dict(video_id=7, video_name='cat-1', video_length=length, **meta)
    meta = {'img_path': f'x/{frame:05d}.jpg', 'ori_shape': SIZE, **meta}
    sample = UninextDataSample(metainfo=dict(frame_id=frame, instances=targets, **meta))
    boxes = [prediction[1] for prediction in predictions]
    masks = [make_mask(box) for box in boxes]
    sample.pred_instances = InstanceData(
        bboxes=torch.tensor(boxes, dtype=torch.float32).reshape(-1, 4),
        scores=torch.tensor([prediction[2] for prediction in predictions]),
        labels=torch.zeros(len(predictions), dtype=torch.long),
        instances_ids=torch.tensor(
            [prediction[0] for prediction in predictions], dtype=torch.long
        ),
        masks=torch.from_numpy(np.array(masks).reshape(-1, *SIZE)),
    )
    return sample


def make_video(length: int = 4, instances=(1,), **meta) -> list[UninextDataSample]:
    """A video whose objects are all found, at the right place."""
    return [
        make_frame(
            frame,
            [(i, make_box(frame, i), 0.9) for i in instances],
            [make_target(frame, i) for i in instances],
            length,
            **meta,
        )
        for frame in range(length)
    ]


def run(metric, frames, size: int | None = None, classes=('object',)) -> dict:
    evaluator = Evaluator(metric)
    evaluator.dataset_meta = dict(classes=classes)
    for frame in frames:
        evaluator.process([frame])
    return evaluator.evaluate(size or len(frames))


def shares(metrics: dict, *keys: str) -> list[float]:
    by_name = {key.split('/')[1]: value for key, value in metrics.items()}
    return [by_name[key] for key in keys]


# ---- what all share ----


@pytest.mark.parametrize('metric', METRIC_TYPES)
def test_frames_must_come_in_order_to_the_end(metric):
    video = make_video()
    assert isinstance(METRICS.build(dict(type=metric.__name__)), metric)
    with pytest.raises(ValueError, match='Frame 1 of video .* where frame 0 was due'):
        run(metric(), video[1:])
    with pytest.raises(ValueError, match='ended early'):
        run(metric(), video[:2])
    with pytest.raises(ValueError, match='frame 2 was due'):
        run(metric(), video[:2] + video[3:])
    bare = UninextDataSample(metainfo=dict(video_id=1, frame_id=0))
    with pytest.raises(ValueError, match="meta keys \\['video_length', 'ori_shape'\\]"):
        run(metric(), [bare])
    with pytest.raises(ValueError, match='format_only needs outfile_prefix'):
        metric(format_only=True)


@pytest.mark.parametrize('metric', METRIC_TYPES)
def test_ground_truth_is_asked_for(metric):
    frame = make_video(1)[0]
    frame.pop('instances')
    with pytest.raises(ValueError, match="no meta key 'instances'"):
        run(metric(), [frame])


def test_two_videos_at_a_time_and_one_twice():
    first, second = make_video(), make_video(video_index=1)
    for frame in second:
        frame.set_metainfo(dict(video_id='other', instances=[]))
    both = [frame for pair in zip(first, second) for frame in pair]
    metric = SOTMetric('got10k')
    assert shares(run(metric, both + first, 20), 'AO') == [1]


@pytest.mark.parametrize(
    ('metric_type', 'name'),
    [
        (BDD100KTrackingMetric, 'cat-1.json'),
        (SOTMetric, 'cat-1.txt'),
        (TrackingMetric, 'cat-1.txt'),
        (VideoInstanceMetric, 'results.json'),
    ],
)
def test_a_full_disk_leaves_the_file_of_before(
    metric_type, name: str, tmp_path: Path, monkeypatch
):
    def fail(file_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, 'No space left on device')

    (tmp_path / name).write_text('of before')
    monkeypatch.setattr(os, 'fsync', fail)
    video = make_video()
    video[-1].set_metainfo(dict(video_instances=[]))
    metric = metric_type(outfile_prefix=str(tmp_path), format_only=True)
    with pytest.raises(FileError, match=f'{name} could not be written: No space left'):
        run(metric, video, classes=('car',))
    assert (tmp_path / name).read_text() == 'of before'


# ---- SOT ----


def test_nothing_found_in_any_frame(tmp_path: Path):
    empty = [make_frame(t, [], [make_target(t)]) for t in range(4)]
    assert shares(run(SOTMetric(), empty), 'AO') == [0.25]
    assert shares(run(TrackingMetric(), empty), 'HOTA', 'CLR_FN') == [0, 4]
    assert shares(run(VOSMetric(), empty), 'J&F') == [0]
    assert shares(run(ReferringVOSMetric(), empty), 'J&F') == [0]
    empty[-1].set_metainfo(dict(video_instances=[]))
    assert shares(run(VideoInstanceMetric(), empty), 'AP', 'AR100') == [0, 0]


def test_more_expressions_than_frames_count_all():
    """mmengine cuts results down to the size of the dataset: to its frames."""
    found = [make_video(1, exp_id=str(i), expression=str(i))[0] for i in range(3)]
    wrong = make_video(1, exp_id='3', expression='3')[0]
    wrong.pred_instances = make_frame(0, [], []).pred_instances
    metrics = run(ReferringVOSMetric(), [*found, wrong], size=1)
    assert shares(metrics, 'J&F') == [0.75]


def test_single_objects_as_from_files(tmp_path: Path):
    video = make_video()
    video[2].pred_instances.bboxes += 2
    better = [(1, [0, 0, 5, 5], 0.1), (1, make_box(3), 0.8)]
    video[3] = make_frame(3, better, [make_target(3)])
    lines = [
        f'{x1},{y1},{x2 - x1},{y2 - y1}' for x1, y1, x2, y2 in map(make_box, range(4))
    ]
    (tmp_path / 'gt').mkdir()
    (tmp_path / 'gt/cat-1.txt').write_text('\n'.join(lines))
    for rules in ('otb', 'lasot', 'otb101', 'got10k'):
        metrics = run(SOTMetric(rules, outfile_prefix=str(tmp_path / 'out')), video)
        by_files = evaluate_sot(tmp_path / 'gt', tmp_path / 'out')[rules]
        assert shares(metrics, *by_files) == pytest.approx(list(by_files.values()))
    assert metrics['sot/AO'] < 1


@pytest.mark.parametrize(
    ('server', 'names'),
    [
        ('trackingnet', {'cat-1.txt'}),
        ('got10k', {'cat-1/cat-1_001.txt', 'cat-1/cat-1_time.txt'}),
    ],
)
def test_zips_of_sot_servers(tmp_path: Path, server: str, names: set):
    video = make_video()
    video[1] = make_frame(1, [], [])
    out = str(tmp_path / 'out')
    metric = SOTMetric(server=server, outfile_prefix=out, format_only=True)
    assert run(metric, video) == {}
    with zipfile.ZipFile(f'{out}.zip') as archive:
        assert set(archive.namelist()) == names
        rows = archive.read(min(names)).decode().splitlines()
    assert rows[0] == rows[1] == '2.0,1.0,8.0,7.0'
    assert len(rows) == 4


def test_wrong_settings_and_targets_of_sot():
    with pytest.raises(ValueError, match='rules must be'):
        SOTMetric('vot')
    with pytest.raises(ValueError, match='server must be'):
        SOTMetric(server='got10k')
    with pytest.raises(ValueError, match='has 2 targets'):
        run(SOTMetric(), make_video(instances=(1, 2)))


# ---- VOS ----


def shift_masks(frame: UninextDataSample, by: int) -> None:
    frame.pred_instances.masks = frame.pred_instances.masks.roll(by, dims=2)


def test_objects_as_from_images(tmp_path: Path):
    video = make_video(5, instances=(1, 2))
    shift_masks(video[2], 3)
    # Object 2 comes in late; what is said of it before is wrong.
    for frame in video[:3]:
        frame.set_metainfo(dict(instances=frame.instances[:1]))
    out = tmp_path / 'out'
    metrics = run(VOSMetric(outfile_prefix=str(out), with_zip=True), video)
    ground_truth = VOSMetric(outfile_prefix=str(tmp_path / 'gt'), format_only=True)
    perfect = make_video(5, instances=(1, 2))
    for frame in perfect[:3]:
        frame.pred_instances = frame.pred_instances[:1]
    assert run(ground_truth, perfect) == {}
    by_files = evaluate_davis(tmp_path / 'gt', out)['mean']
    assert shares(metrics, *by_files) == pytest.approx(list(by_files.values()))
    assert 0 < metrics['vos/J_mean'] < 1
    ids = read_object_ids(out / 'Annotations/cat-1/00000.png')
    assert set(np.unique(ids)) == {0, 1, 2}
    with zipfile.ZipFile(f'{out}.zip') as archive:
        assert len(archive.namelist()) == 5


def test_objects_that_come_in_count_from_then_on():
    video = make_video(4, instances=(1, 2))
    for frame in video:
        flags = [dict(t, is_seen=t['instance_id'] == 1) for t in frame.instances]
        frame.set_metainfo(dict(instances=flags))
    for frame in video[:2]:
        frame.set_metainfo(dict(instances=frame.instances[:1]))
    shift_masks(video[2], 20)  # the first frame of object 2, one of three of object 1
    metrics = run(VOSMetric(frames='after_first'), video)
    assert shares(metrics, 'J_seen', 'J_unseen') == pytest.approx([2 / 3, 1])
    assert metrics['vos/G'] == pytest.approx(np.mean([2 / 3, 2 / 3, 1, 1]))


def test_an_object_that_leaves_is_empty():
    video = make_video(4)
    for frame in video[1:]:
        frame.set_metainfo(dict(instances=[]))
        frame.pred_instances = frame.pred_instances[:0]
    assert shares(run(VOSMetric(), video), 'J&F') == [1]


def test_wrong_settings_and_masks_of_vos(tmp_path: Path):
    with pytest.raises(ValueError, match='frames must be'):
        VOSMetric(frames='some')
    for metric in (VOSMetric, ReferringVOSMetric):
        with pytest.raises(ValueError, match='with_zip needs'):
            metric(with_zip=True)
    video = make_video(1)
    video[0].set_metainfo(dict(instances=[make_target(0, mask=None)]))
    with pytest.raises(ValueError, match='has no mask'):
        run(VOSMetric(), video)
    video[0].set_metainfo(dict(ori_shape=(9, 9)))
    with pytest.raises(ValueError, match=r'the image \(9, 9\)'):
        run(VOSMetric(), video)
    del video[0].pred_instances.masks
    with pytest.raises(ValueError, match=r"have no \['masks'\]"):
        run(VOSMetric(), video)
    video = make_video(1)
    video[0].pop('img_path')
    with pytest.raises(ValueError, match="no meta key 'img_path'"):
        run(VOSMetric(outfile_prefix=str(tmp_path)), video)


# ---- R-VOS ----


def make_expressions(length: int = 3) -> list[list[UninextDataSample]]:
    """Two expressions about one video, one per object, both right."""
    return [
        make_video(length, instances=(i,), exp_id=str(i), expression=f'cat {i}')
        for i in (1, 2)
    ]


def test_expressions_one_by_one(tmp_path: Path):
    first, second = make_expressions()
    for frame in second:
        shift_masks(frame, 15)
    metric = ReferringVOSMetric(outfile_prefix=str(tmp_path / 'out'), with_zip=True)
    metrics = run(metric, first + second)
    assert shares(metrics, 'J&F', 'J_mean', 'F_recall') == [0.5, 0.5, 0.5]
    with zipfile.ZipFile(tmp_path / 'out.zip') as archive:
        names = archive.namelist()
    assert len(names) == 6
    assert 'Annotations/cat-1/2/00001.png' in names
    ids = read_object_ids(tmp_path / 'out/Annotations/cat-1/1/00000.png')
    np.testing.assert_array_equal(ids == 255, make_mask(make_box(0)))


def test_expressions_share_the_pixels_of_their_video(tmp_path: Path):
    first, second = make_expressions()
    # Expression 2 claims everything, but is less sure.
    for frame in second:
        frame.pred_instances.masks[:] = True
        frame.pred_instances.scores[:] = 0.5
    out = tmp_path / 'out'
    metric = ReferringVOSMetric(True, outfile_prefix=str(out), with_zip=True)
    metrics = run(metric, first + second)
    own = 7 * 8 / (20 * 30 - 7 * 8)
    assert metrics['rvos/J_mean'] == pytest.approx((1 + own) / 2)
    ids = read_object_ids(out / 'Annotations/cat-1/00002.png')
    np.testing.assert_array_equal(ids == 1, make_mask(make_box(2)))
    assert (ids > 0).all()
    only = ReferringVOSMetric(True, outfile_prefix=str(out), format_only=True)
    assert run(only, first + second) == {}


def test_expressions_that_cannot_be_told_apart(tmp_path: Path):
    first, second = make_expressions()
    for frame in second:
        frame.set_metainfo(dict(exp_id=['1']))
    with pytest.raises(ValueError, match='same exp_id'):
        run(ReferringVOSMetric(merged=True), first + second)
    assert run(ReferringVOSMetric(), first + second)['rvos/J&F'] == 1
    for frame in second:
        frame.set_metainfo(dict(exp_id=['1', '2']))
    with pytest.raises(ValueError, match='answers one expression'):
        run(ReferringVOSMetric(), second)
    with pytest.raises(ValueError, match='refers to one object'):
        run(ReferringVOSMetric(), make_video(instances=(1, 2)))
    with pytest.raises(ValueError, match='differ in length'):
        longer = make_video(4, exp_id='2')
        run(ReferringVOSMetric(merged=True), first + longer)


# ---- VIS ----


def make_instance_video() -> list[UninextDataSample]:
    video = make_video(3, instances=(1, 2))
    tubes = [[encode_mask(make_mask(make_box(t, i))) for t in range(3)] for i in (1, 2)]
    tubes[1][2] = None
    as_bytes = dict(size=list(SIZE), counts=tubes[0][0]['counts'].encode())
    tubes[0][0] = as_bytes
    found = [dict(score=0.9, label=0, segmentations=tube) for tube in tubes]
    video[-1].set_metainfo(dict(video_instances=found))
    return video


def test_instances_of_a_video(tmp_path: Path):
    ann_file = tmp_path / 'ann.json'
    ann_file.write_text(json.dumps(dict(categories=[dict(id=40, name='object')])))
    out = str(tmp_path / 'out')
    metric = VideoInstanceMetric(str(ann_file), outfile_prefix=out)
    metrics = run(metric, make_instance_video())
    # One is right, the other's overlap is 2 / 3.
    assert metrics['vis/AP50'] == 1
    assert 0.5 < metrics['vis/AP'] < 1
    with zipfile.ZipFile(f'{out}.zip') as archive:
        (first, second) = json.loads(archive.read('results.json'))
    assert first['category_id'] == 40
    assert second['segmentations'][2] is None
    assert run(VideoInstanceMetric(), make_instance_video()) == metrics
    only = VideoInstanceMetric(outfile_prefix=out, format_only=True)
    assert run(only, make_instance_video()) == {}


def test_a_crowd_does_not_count():
    video = make_instance_video()
    for frame in video:
        flags = [dict(t, ignore_flag=t['instance_id'] == 2) for t in frame.instances]
        frame.set_metainfo(dict(instances=flags))
    assert run(VideoInstanceMetric(), video)['vis/AP'] == pytest.approx(1)


def test_wrong_instances(tmp_path: Path):
    with pytest.raises(ValueError, match="no 'video_instances'"):
        run(VideoInstanceMetric(), make_video())
    video = make_instance_video()
    video[-1].video_instances[0]['segmentations'].pop()
    with pytest.raises(ValueError, match='2 masks, the video 3 frames'):
        run(VideoInstanceMetric(), video)
    ann_file = tmp_path / 'ann.json'
    ann_file.write_text(json.dumps(dict(categories=[dict(id=40, name='dog')])))
    with pytest.raises(ValueError, match='are not the categories'):
        run(VideoInstanceMetric(str(ann_file)), make_instance_video())


# ---- tracking ----


@pytest.mark.parametrize('similarity', ['bbox', 'segm'])
def test_tracks(similarity: str, tmp_path: Path):
    video = make_video(6, instances=(1, 2))
    out = str(tmp_path / 'out')
    perfect = run(TrackingMetric(similarity), video)
    assert shares(perfect, 'HOTA', 'MOTA', 'IDF1') == pytest.approx([1, 1, 1])
    for frame in video[3:]:
        frame.pred_instances.instances_ids = torch.tensor([2, 1])
    metrics = run(TrackingMetric(similarity, outfile_prefix=out), video)
    assert shares(metrics, 'IDSW', 'IDF1') == [2, 0.5]
    only = TrackingMetric(similarity, outfile_prefix=out, format_only=True)
    assert run(only, video) == {}
    first = (tmp_path / 'out/cat-1.txt').read_text().splitlines()[0]
    rle = encode_mask(make_mask(make_box(0)))['counts']
    lines = dict(
        bbox='1,1,2.00,1.00,8.00,7.00,0.9000,-1,-1,-1', segm=f'1 1 1 20 30 {rle}'
    )
    assert first == lines[similarity]


def test_tracks_as_from_files(tmp_path: Path):
    video = make_video(6, instances=(1, 2))
    for frame in video[3:]:
        frame.pred_instances.instances_ids = torch.tensor([2, 5])
        frame.pred_instances.bboxes[0] += 2
    metrics = run(TrackingMetric(outfile_prefix=str(tmp_path / 'pred')), video)
    run(TrackingMetric(outfile_prefix=str(tmp_path)), make_video(6, instances=(1, 2)))
    (tmp_path / 'gt/cat-1').mkdir(parents=True)
    (tmp_path / 'cat-1.txt').rename(tmp_path / 'gt/cat-1/gt.txt')
    by_files = evaluate_mot(tmp_path / 'gt', tmp_path / 'pred')['COMBINED']
    for key, value in metrics.items():
        assert value == pytest.approx(by_files[key.split('/')[1]]), key
    assert 0 < metrics['track/HOTA'] < 1


def test_labels_and_ignored_objects_of_tracks():
    video = make_video(2, instances=(1, 2))
    video[0].pred_instances.labels[0] = 1
    for frame in video:
        flags = [dict(t, ignore_flag=t['instance_id'] == 2) for t in frame.instances]
        frame.set_metainfo(dict(instances=flags))
    keys = ('CLR_TP', 'CLR_FP', 'CLR_FN')
    assert shares(run(TrackingMetric(), video), *keys) == [1, 1, 1]
    with pytest.raises(ValueError, match='similarity must be'):
        TrackingMetric('mask')


# ---- ranks ----


def _evaluate_rank(rank: int, store: str, results: multiprocessing.Queue) -> None:
    torch.set_num_threads(1)
    dist.init_process_group(
        'gloo', init_method=f'file://{store}', rank=rank, world_size=2
    )
    # Rank 0 has two videos, rank 1 a longer one, of which it finds nothing.
    metric = SOTMetric('got10k')
    videos = [make_video(3), make_video(3)] if rank == 0 else [make_video(6)]
    for index, video in enumerate(videos):
        for frame in video:
            frame.set_metainfo(dict(video_id=f'{rank}-{index}'))
            if rank == 1:
                frame.pred_instances = frame.pred_instances[:0]
            metric.process({}, [frame.to_dict()])
    results.put((rank, metric.evaluate(12)['sot/AO']))
    dist.destroy_process_group()


def test_two_processes_see_all_videos(tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    context = multiprocessing.get_context('fork')
    results = context.Queue()
    ranks = [
        context.Process(target=_evaluate_rank, args=(r, str(tmp_path / 's'), results))
        for r in range(2)
    ]
    for process in ranks:
        process.start()
    metrics = dict(results.get(timeout=60) for _ in ranks)
    for process in ranks:
        process.join()
    assert metrics == {0: pytest.approx(4 / 9), 1: pytest.approx(4 / 9)}
