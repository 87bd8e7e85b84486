"""Ray itself, two workers on this machine: killed in the middle, nothing is lost.

``make ray-check`` installs Ray, and runs this.
"""

from __future__ import annotations

import socket
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from helpers.brightness_finder import (
    ASKED,
    BrightnessFinder,
    DeadlyFinder,
    question,
    write_images,
    write_video,
)
from helpers.tools import ROOT
from uninext.apis.bulk import FindInBatches, predict_in_bulk
from uninext.apis.bulk.engines import WorkerError
from uninext.apis.sources import open_source

ray = pytest.importorskip('ray')
cluster_utils = pytest.importorskip('ray.cluster_utils')
pytestmark = pytest.mark.slow
NODE = '1' * 56  # its id; of only f it would be none
NO_PORT = '-1'
# Ports that Ray waits for 15 s, whatever it is told; its agents start in more where the
# machine is busy. This is what they say of themselves as extra "ray" installs them.
AGENTS = 'metrics_agent_port', 'metrics_export_port', 'dashboard_agent_listen_port'
PATIENT = dict(
    OVERRIDE_NODE_ID_FOR_TESTING=NODE,
    USAGE_STATS_ENABLED=0,
    agent_register_timeout_ms=3600_000,
    health_check_failure_threshold=999,
    worker_register_timeout_seconds=3600,
)


@pytest.fixture(scope='module', autouse=True)
def _cluster() -> Iterator[None]:
    with (
        pytest.MonkeyPatch.context() as patch,
        tempfile.TemporaryDirectory() as folder,  # a short path: it has sockets
    ):
        patch.setenv('PYTHONPATH', f'{ROOT}:{ROOT / "tests"}')
        for name, value in PATIENT.items():
            patch.setenv(f'RAY_{name}', str(value))
        session = Path(folder, 'session')
        session.mkdir()
        for name in AGENTS:
            (session / f'{name}_{NODE}').write_text(NO_PORT)
        options = dict(temp_dir=folder, session_name=session.name)
        options |= dict(runtime_env_agent_port=_free_port(), include_dashboard=False)
        # two for workers; Ray Data's own tasks wait for ever for one that actors have
        options |= dict(num_cpus=3, object_store_memory=10**8)
        cluster = cluster_utils.Cluster(True, head_node_args=options)
        ray.init(cluster.address)
        yield
        ray.shutdown()
        cluster.shutdown()


def _free_port() -> int:
    with socket.create_server(('127.0.0.1', 0)) as probe:
        return probe.getsockname()[1]


@pytest.fixture
def sources(tmp_path) -> list[str]:
    video = write_video(tmp_path / 'a.mp4', 3)
    return [*write_images(tmp_path / 'photos', 9), video]


def on_ray(sources: list[str], out: Path, find: Any = None):
    return predict_in_bulk(
        sources, out, question(find), shard_size=2, engine='ray', num_workers=2
    )


def texts_in(folder: Path) -> dict[str, str]:
    return {p.name: p.read_text() for p in sorted(folder.glob('shard-*.json'))}


@pytest.fixture
def expected(tmp_path, sources) -> dict[str, str]:
    predict_in_bulk(sources, tmp_path / 'local', question(), shard_size=2)
    return texts_in(tmp_path / 'local')


def test_a_worker_that_is_killed_loses_and_doubles_nothing(tmp_path, sources, expected):
    marker = tmp_path / 'killed'
    find = partial(DeadlyFinder, sources[4], marker)
    report = on_ray(sources, tmp_path / 'out', find)
    assert marker.exists()
    assert report.not_done == report.errors == []
    assert (report.num_written, report.num_images) == (6, 12)
    assert texts_in(tmp_path / 'out') == expected


def test_a_task_that_kills_every_worker_leaves_the_others(tmp_path, sources, expected):
    out = tmp_path / 'out'
    report = on_ray(sources, out, partial(DeadlyFinder, sources[4]))
    (number,) = [int(name[6:12]) for name in expected if not (out / name).exists()]
    assert report.not_done == [f'shard {number}, from {sources[4]} on']
    assert report.num_written == 5
    assert on_ray(sources, out).num_written == 1  # by workers that live
    assert texts_in(out) == expected


def test_what_users_can_mend_is_told(tmp_path, sources):
    with pytest.raises(WorkerError, match='The source is an empty text'):
        on_ray(sources, tmp_path / 'out', partial(open_source, ''))


def test_map_batches_with_a_worker_that_is_killed(tmp_path, sources):
    pyarrow = pytest.importorskip('pyarrow')
    photos, marker = sources[:-1], tmp_path / 'killed'
    find = DeadlyFinder(photos[4], marker)
    table = pyarrow.table(dict(file=photos, mine=range(9)))
    rows = (
        ray.data.from_arrow([table.slice(i, 3) for i in range(0, 9, 3)])
        .map_batches(
            FindInBatches,
            fn_constructor_kwargs=dict(find=find, column='file', **ASKED),
            batch_format='pyarrow',
            batch_size=2,
            concurrency=2,
        )
        .take_all()
    )
    assert marker.exists()
    direct = FindInBatches(BrightnessFinder(), column='file', **ASKED)
    expected = direct(table).to_pylist()
    assert sorted(rows, key=lambda row: row['mine']) == expected
