"""The index of samples: like those in memory, whatever happens while it is built."""

from __future__ import annotations

import copy
import json
import multiprocessing
import os
import pickle
import resource
import shutil
import signal
import time
from pathlib import Path

import numpy as np
import pytest

from uninext.datasets import (
    PromptCocoDataset,
    PromptObjects365V2Dataset,
    ReferringDataset,
    ReferringVideoDataset,
    SingleObjectDataset,
    VideoInstanceDataset,
    shared_index,
)
from uninext.datasets.index_file import BrokenIndexError, read_index
from uninext.datasets.indexed_samples import IndexedSamples

FORK = multiprocessing.get_context('fork')
VIDEOS = (VideoInstanceDataset, SingleObjectDataset, ReferringVideoDataset)


@pytest.fixture(autouse=True)
def small_files_too(monkeypatch, tmp_path):
    monkeypatch.setattr(shared_index, 'SMALL', 0)
    monkeypatch.delenv('UNINEXT_CACHE', raising=False)
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))


@pytest.fixture
def said(monkeypatch) -> list[str]:
    lines: list[str] = []
    monkeypatch.setattr(
        shared_index, 'print_log', lambda message, **kwargs: lines.append(message)
    )
    return lines


@pytest.fixture
def built(monkeypatch):
    """How often a file was read, in all processes."""
    count = FORK.Value('i', 0)
    build = IndexedSamples._build_index

    def counted(self):
        with count.get_lock():
            count.value += 1
        return build(self)

    monkeypatch.setattr(IndexedSamples, '_build_index', counted)
    return count


@pytest.fixture
def coco(write_coco, coco_content) -> dict:
    return write_coco(coco_content)


def samples(dataset) -> list[dict]:
    """All that a pipeline is given; videos as all their frames."""
    shown = []
    for index in range(len(dataset)):
        info = dataset.get_data_info(index)
        video = info.pop('video', None)
        if video is not None:
            info['frames'] = [video.frame(t) for t in range(len(video))]
            info['presence'] = video.presence.tolist()
        if 'prompt_starts' in info:  # equal to themselves only
            info['prompt_starts'] = repr(info['prompt_starts'])
        shown.append(info)
    return shown


def is_mapped(array: np.ndarray | None) -> bool:
    while array is not None and not isinstance(array, np.memmap):
        array = array.base
    return array is not None


def indices(folder: Path) -> list[Path]:
    return sorted(folder.rglob('*.index'))


# ------------------------------------------------------------- equal to those in memory


@pytest.mark.parametrize('test_mode', [False, True], ids=['train', 'test'])
@pytest.mark.parametrize(
    'kind', [PromptCocoDataset, PromptObjects365V2Dataset, ReferringDataset, *VIDEOS]
)
def test_samples_are_those_of_memory(
    kind, test_mode, write_coco, write_videos, coco_content, refs_content, video_content
):
    if kind is ReferringVideoDataset:
        video_content['annotations'].pop(0)  # one object a record
    args = (
        write_videos(video_content)
        if kind in VIDEOS
        else write_coco(refs_content if kind is ReferringDataset else coco_content)
    )
    if kind is PromptObjects365V2Dataset:
        shutil.move(f'{args["data_root"]}/img', f'{args["data_root"]}/patch0')
        coco_content['images'] = [
            {**image, 'file_name': f'x/patch0/{image["file_name"]}'}
            for image in coco_content['images']
        ]
        args = {**write_coco(coco_content, images=False), 'data_prefix': dict(img='')}
    args = dict(args, test_mode=test_mode)
    if kind is PromptCocoDataset:
        args.update(metainfo=dict(classes=('dog', 'red car')))
        args.update(filter_cfg=dict(filter_empty_gt=True))
    in_memory = kind(**args, serialize_data=False)
    for dataset in (kind(**args), kind(**args)):  # built, then found
        assert dataset._index_path is not None
        assert is_mapped(dataset.data_bytes)
        assert samples(dataset) == samples(in_memory)
        assert dataset.metainfo == in_memory.metainfo
        assert dataset.cat2label == in_memory.cat2label
        mine, others = vars(dataset.sampling_table()), vars(in_memory.sampling_table())
        assert {k: v.tolist() for k, v in mine.items()} == {
            k: v.tolist() for k, v in others.items()
        }
        assert [a.dtype for a in mine.values()] == [a.dtype for a in others.values()]
    assert len(indices(Path(args['data_root']))) == 1


def test_subsets_share_the_index(coco, built):
    whole = samples(PromptCocoDataset(**coco))
    for chosen, positions in ((2, [0, 1]), (-1, [3]), ([3, -4], [3, 0])):
        dataset = PromptCocoDataset(**coco, indices=chosen)
        assert [s['img_id'] for s in samples(dataset)] == [
            whole[p]['img_id'] for p in positions
        ]
        assert len(dataset.sampling_table()) == len(positions)
    assert built.value == 1


def pickled(dataset):
    return pickle.loads(pickle.dumps(dataset))


@pytest.mark.parametrize('copied', [copy.deepcopy, pickled])
def test_copies_map_the_file_again(coco, copied):
    dataset = PromptCocoDataset(**coco)
    assert len(pickle.dumps(dataset)) < dataset.data_bytes.nbytes + 4000
    twin = copied(dataset)
    assert is_mapped(twin.data_bytes)
    assert samples(twin) == samples(dataset)
    subset = copied(dataset.get_subset([1, 3]))
    assert samples(subset) == [
        {**s, 'sample_idx': i} for i, s in enumerate(samples(dataset)[1::2])
    ]


# ----------------------------------------------------------------------- found or stale


def test_what_was_built_is_found(coco, built):
    for _ in range(3):
        PromptCocoDataset(**coco)
    assert built.value == 1


@pytest.mark.parametrize(
    'changes',
    [
        dict(metainfo=dict(classes=('cat', 'dog'))),
        dict(filter_cfg=dict(filter_empty_gt=True)),
        dict(test_mode=True),
        dict(data_prefix=dict(img='./img/')),
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_other_options_are_another_index(coco, built, changes):
    PromptCocoDataset(**coco)
    PromptCocoDataset(**{**coco, **changes})
    assert built.value == 2


def test_what_samples_do_not_depend_on_is_no_option(coco, built):
    PromptCocoDataset(**coco)
    PromptCocoDataset(**{**coco, 'pipeline': [], 'max_refetch': 3})
    assert built.value == 1


def test_a_changed_file_is_read_anew(coco, coco_content, write_coco, built):
    PromptCocoDataset(**coco)
    coco_content['annotations'][0]['bbox'] = [5.0, 6.0, 10.0, 10.0]  # as many bytes
    write_coco(coco_content)
    dataset = PromptCocoDataset(**coco)
    assert built.value == 2
    assert dataset.get_data_info(0)['instances'][0]['bbox'] == [5, 6, 15, 16]


def test_changed_code_is_another_index(coco, built, monkeypatch, tmp_path):
    PromptCocoDataset(**coco)
    other = tmp_path / 'reader.py'
    other.write_text('# another reader')
    monkeypatch.setattr(shared_index.coco, '__file__', str(other))
    PromptCocoDataset(**coco)
    assert built.value == 2


def test_classes_that_read_otherwise_say_what_they_read(coco, built, coco_content):
    class Elsewhere(PromptCocoDataset):
        files: tuple[str, ...] = ()

        def read_content(self) -> dict:
            return coco_content

        def indexed_files(self) -> list[str]:
            return list(self.files) or super().indexed_files()

    for files, reads in (((), 2), ((f'{coco["data_root"]}/ann.json',), 1)):
        Elsewhere.files, built.value = files, 0
        for _ in range(2):
            assert len(Elsewhere(**coco)) == 4
        assert built.value == reads


def test_small_files_are_not_indexed(coco, monkeypatch):
    monkeypatch.setattr(shared_index, 'SMALL', 1 << 20)
    assert PromptCocoDataset(**coco)._index_path is None
    assert not indices(Path(coco['data_root']))


def test_options_that_cannot_be_known_again(coco, said):
    class Odd(PromptCocoDataset):
        def __init__(self, **kwargs):
            self.odd = object()
            super().__init__(**kwargs)

    assert len(Odd(**coco)) == 4
    assert 'Samples of Odd are held in memory' in said[0]


@pytest.mark.parametrize('size', [0, 7, 16, 200, -64])
def test_an_index_cut_short_is_built_anew(coco, built, said, size):
    dataset = PromptCocoDataset(**coco)
    path = Path(dataset._index_path)
    expected, whole = samples(dataset), path.read_bytes()
    del dataset
    path.write_bytes(whole[:size])
    with pytest.raises(BrokenIndexError, match=str(path)):
        read_index(path)
    assert samples(PromptCocoDataset(**coco)) == expected
    assert built.value == 2
    assert any('It is built anew' in line for line in said)
    assert path.read_bytes() == whole


# ------------------------------------------------------------------------------- faults


def in_processes(count: int, work) -> list:
    """Results of ``work(i)`` in as many processes at once."""
    results = FORK.Queue()
    gate = FORK.Barrier(count)

    def run(i: int) -> None:
        gate.wait()
        results.put((i, work(i)))

    children = [FORK.Process(target=run, args=(i,)) for i in range(count)]
    for child in children:
        child.start()
    got = dict(results.get(timeout=30) for _ in children)
    for child in children:
        child.join()
    return [got[i] for i in range(count)]


def test_of_several_processes_one_builds(coco, built, monkeypatch):
    write = shared_index.write_index
    monkeypatch.setattr(
        shared_index, 'write_index', lambda *args: (time.sleep(0.2), write(*args))
    )
    texts = in_processes(4, lambda i: json.dumps(samples(PromptCocoDataset(**coco))))
    assert len(set(texts)) == 1
    assert built.value == 1
    assert len(indices(Path(coco['data_root']))) == 1


def test_a_kill_while_the_index_is_written(coco, built, monkeypatch):
    """The lock goes with the process; nothing half is found, and what it left goes."""
    writing = FORK.Event()

    def stuck(descriptor: int) -> None:
        writing.set()
        time.sleep(60)

    def build() -> None:
        monkeypatch.setattr(os, 'fsync', stuck)
        PromptCocoDataset(**coco)

    child = FORK.Process(target=build)
    child.start()
    assert writing.wait(20)
    folder = Path(coco['data_root']) / shared_index.FOLDER
    assert len(list(folder.glob('*.tmp'))) == 1
    waiting = FORK.Process(target=lambda: PromptCocoDataset(**coco))
    waiting.start()
    time.sleep(0.3)
    assert waiting.is_alive()
    assert not indices(folder)
    os.kill(child.pid, signal.SIGKILL)
    for process in (child, waiting):
        process.join(20)
    assert (child.exitcode, waiting.exitcode) == (-signal.SIGKILL, 0)
    assert len(indices(folder)) == 1
    assert not list(folder.glob('*.tmp'))
    PromptCocoDataset(**coco)
    assert built.value == 2  # by the killed, and the one that waited


def test_no_room_for_the_index(coco, said):
    """The system refuses to write as on a full disk: the samples stay in memory."""
    expected = samples(PromptCocoDataset(**coco, serialize_data=False))

    def build(i: int) -> tuple:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))
        dataset = PromptCocoDataset(**coco)
        return dataset._index_path, samples(dataset), said

    ((path, got, lines),) = in_processes(1, build)
    assert path is None
    assert got == expected
    assert 'File too large' in lines[-1]
    assert shared_index.FOLDER in lines[-1]
    assert 'UNINEXT_CACHE' in lines[-1]
    root = Path(coco['data_root'])
    assert not [p for p in root.rglob('*') if p.suffix in ('.tmp', '.index')]


def test_a_folder_that_cannot_be_written(coco, built, tmp_path, said):
    (Path(coco['data_root']) / shared_index.FOLDER).write_text('in the way')
    for _ in range(2):
        path = PromptCocoDataset(**coco)._index_path
        assert Path(path).parent == tmp_path / 'cache' / 'uninext' / 'indices'
    assert built.value == 1
    (tmp_path / 'elsewhere').write_text('in the way')
    os.environ['UNINEXT_CACHE'] = str(tmp_path / 'elsewhere')  # unset by the fixture
    try:
        assert PromptCocoDataset(**coco)._index_path is None
    finally:
        del os.environ['UNINEXT_CACHE']
    assert 'cannot be written' in said[-1]


def test_a_chosen_folder(coco, monkeypatch, tmp_path):
    monkeypatch.setenv('UNINEXT_CACHE', str(tmp_path / 'fast'))
    path = Path(PromptCocoDataset(**coco)._index_path)
    assert path.parent == tmp_path / 'fast' / 'indices'
    assert not (Path(coco['data_root']) / shared_index.FOLDER).exists()
