"""A real Label Studio with our backend: predict, correct, track, export, fine-tune.

Run it by ``make label-studio-check``, which installs Label Studio in an environment of
its own; it takes minutes. Label Studio has its default database in a temporary folder,
and nothing leaves this machine.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from uninext.formats.boxes import pairwise_iou, xywh_to_xyxy
from uninext.formats.label_studio import (
    label_config,
    read_image_regions,
    read_track_region,
    track_region,
)

NAMES = ('circle', 'square', 'triangle', 'star', 'ring', 'cross')
TOKEN = '0123456789abcdef' * 2 + '01234567'
FOLDER = 'photos'  # of local storage, below its root
LOCAL = f'/data/local-files/?d={FOLDER}/'
SECONDS = 4 * 3600  # to start, or to answer: of a machine that is busy otherwise
SIZE = 256
FRAMES = 6
LEAST_IOU = 0.5  # of a tracked box with the annotated one, over frames
NOWHERE = (0, 0, 0, 0)  # the box of a frame without one


class LabelStudio:
    """The server's interface, as far as it is needed."""

    def __init__(self, url: str, backend: str) -> None:
        self.url, self.backend = url, backend

    def ask(self, path: str, body: Any = None, method: str | None = None) -> Any:
        """JSON, or bytes of what is none."""
        headers = {'Authorization': f'Token {TOKEN}'}
        headers['Content-Type'] = 'application/json'
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=SECONDS) as answer:
                content = answer.read()
        except urllib.error.HTTPError as error:
            raise SystemExit(f'{path}: {error} {error.read()[:2000]!r}') from None
        is_json = 'json' in answer.headers.get('Content-Type', '')
        return json.loads(content) if is_json else content

    def project(
        self, title: str, is_video: bool, names: Sequence[str], files: Path
    ) -> tuple[int, list[int], int]:
        """A project with its tasks and our backend: its id, theirs, the backend's."""
        given = dict(title=title, label_config=label_config(NAMES, is_video, fps=10))
        project = self.ask('/api/projects', given)['id']
        storage = dict(project=project, path=str(files), use_blob_urls=True)
        self.ask('/api/storages/localfiles', storage)
        key = 'video' if is_video else 'image'
        tasks = [dict(data={key: LOCAL + name}) for name in names]
        self.ask(f'/api/projects/{project}/import', tasks)
        ml = dict(project=project, url=self.backend, title='uninext')
        made = self.ask('/api/ml', dict(ml, is_interactive=True))
        found = self.ask(f'/api/tasks?project={project}&page_size=100')['tasks']
        return project, sorted(task['id'] for task in found), made['id']


def check(studio: LabelStudio, files: Path, work: Path) -> None:
    """The whole way."""
    images = sorted(path.name for path in files.glob('*.jpg'))
    project, tasks, _ = studio.project('images', False, images, files)
    chosen = dict(selectedItems=dict(all=True, excluded=[]))
    action = f'/api/dm/actions?id=retrieve_tasks_predictions&project={project}'
    studio.ask(action, chosen)
    corrected: list[str] = []
    for number, task in enumerate(tasks):
        (prediction,) = studio.ask(f'/api/tasks/{task}')['predictions']
        regions = prediction['result']
        found = read_image_regions(regions)
        count = 0 if found is None else len(found.instances)
        print(f'{images[number]}: {count} predicted, score {prediction["score"]:.2f}')
        if not regions:
            continue
        if not number:  # corrected: the first object is another one
            kind = regions[0]['type']
            regions[0]['value'][kind] = ['star']
        corrected += [r['value'][r['type']][0] for r in regions]
        annotation = dict(result=regions, was_cancelled=False)
        studio.ask(f'/api/tasks/{task}/annotations/', annotation)
    export = f'/api/projects/{project}/export?exportType=COCO_WITH_IMAGES'
    content = studio.ask(export)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        names = archive.namelist()
        archive.extractall(work / 'export')
    print(f'exported: {", ".join(names[:4])}, ... ({len(names)} files)')
    labels = json.loads((work / 'export/result.json').read_text())
    names = {category['id']: category['name'] for category in labels['categories']}
    exported = [names[a['category_id']] for a in labels['annotations']]
    print(f'{len(labels["images"])} images, annotations: {", ".join(exported)}')
    if sorted(exported) != sorted(corrected):
        raise SystemExit(f'the corrections are not exported: expected {corrected}')
    track_a_box(studio, files)
    fine_tune(work / 'export', work)


def track_a_box(studio: LabelStudio, files: Path) -> None:
    """A box on a frame in the middle of the video, on the others besides."""
    project, (task,), ml = studio.project('video', True, ['clip.mp4'], files)
    truth = json.loads((files / 'clip.json').read_text())
    boxes = {int(frame): box for frame, box in truth['boxes'].items()}
    shown = sorted(boxes)[len(boxes) // 2]
    size_wh = tuple(truth['size_wh'])
    drawn = track_region('drawn', 'circle', {shown: boxes[shown]}, size_wh, FRAMES, 10)
    asked = dict(task=task, context=dict(result=[drawn]))
    answer = studio.ask(f'/api/ml/{ml}/interactive-annotating', asked)
    (region,) = answer['data']['result']
    found = read_track_region(region, size_wh)
    corners = [xywh_to_xyxy([b.get(f, NOWHERE) for f in boxes]) for b in (found, boxes)]
    ious = pairwise_iou(*corners).diagonal()
    others = [iou for frame, iou in zip(boxes, ious) if frame != shown]
    mean = sum(others) / len(others)
    print(f'shown in frame {shown}, tracked on the others: mean IoU {mean:.2f}')
    if mean < LEAST_IOU:
        raise SystemExit(f'expected a mean IoU of {LEAST_IOU} or more')
    annotation = dict(result=[region], was_cancelled=False)
    studio.ask(f'/api/tasks/{task}/annotations/', annotation)
    read_videos(studio, project, files, found)


def read_videos(
    studio: LabelStudio, project: int, files: Path, boxes: dict[int, list[float]]
) -> None:
    """The track as it was exported: the same boxes in the same frames."""
    work = files.parents[1]
    content = studio.ask(f'/api/projects/{project}/export?exportType=JSON')
    (work / 'videos.json').write_text(json.dumps(content))
    command = [sys.executable, '-m', 'uninext', 'label-studio']
    command += ['--read', str(work / 'videos.json'), '--files', str(files.parent)]
    subprocess.run([*command, '--out', str(work / 'corrected')], check=True)
    written = json.loads((work / 'corrected/labels.json').read_text())
    (track,) = written['annotations']
    read = {frame: box for frame, box in enumerate(track['bboxes']) if box}
    if read.keys() != boxes.keys() or any(
        abs(a - b) > 1 for f in read for a, b in zip(read[f], boxes[f])
    ):
        raise SystemExit(f'expected the boxes {boxes}, got {read}')
    print(f'exported, and read back: a track through {len(read)} frames')


def fine_tune(export: Path, work: Path) -> None:
    """A few iterations on what people corrected."""
    command = [sys.executable, '-m', 'uninext', 'train', '--data']
    command += [str(export / 'result.json'), '--images', str(export), '--iters', '2']
    command += ['--batch-size', '1', '--no-baseline', '--work-dir', str(work / 'tuned')]
    subprocess.run(command, check=True)


@contextlib.contextmanager
def running(
    command: Sequence[str], url: str, log: Path, **environment: str
) -> Iterator[None]:
    """A server, from its first answer on."""
    variables = {**os.environ, **environment}
    with (
        log.open('wb') as file,
        subprocess.Popen(
            command, stdout=file, stderr=subprocess.STDOUT, env=variables
        ) as process,
    ):
        try:
            wait_for(url, process, log)
            yield
        finally:
            process.terminate()


def wait_for(url: str, process: subprocess.Popen, log: Path) -> None:
    """Until a server answers."""
    end = time.monotonic() + SECONDS
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=60):
            return
        time.sleep(1)
    raise SystemExit(f'{url} does not answer:\n{log.read_text()[-3000:]}')


def free_port() -> int:
    """A port that nothing listens to."""
    with socket.create_server(('127.0.0.1', 0)) as probe:
        return probe.getsockname()[1]


def write_files(folder: Path) -> None:
    """Generated images, and a video with the boxes of one object in it."""
    import cv2

    from uninext.shapes import generate_suite
    from uninext.utils.video_writer import VideoWriter

    suite = folder.parents[1] / 'suite'
    sizes = (SIZE, SIZE), FRAMES
    generate_suite(suite, (1, 5, 0), (1, 1, 0), *sizes, report=print)
    folder.mkdir(parents=True)
    for path in (suite / 'val').glob('*.jpg'):
        path.rename(folder / path.name)
    content = json.loads((suite / 'vis_val.json').read_text())
    video = content['videos'][0]
    with VideoWriter(folder / 'clip.mp4', 10) as writer:
        for name in video['file_names']:
            path = suite / 'videos/val' / name
            writer.write(cv2.imread(str(path)))
    track = max(
        (a for a in content['annotations'] if a['video_id'] == video['id']),
        key=lambda a: sum(box is not None for box in a['bboxes']),
    )
    boxes = {frame: box for frame, box in enumerate(track['bboxes']) if box}
    truth = dict(boxes=boxes, size_wh=[video['width'], video['height']])
    (folder / 'clip.json').write_text(json.dumps(truth))


def main(argv: Sequence[str] | None = None) -> int:
    """Start both servers, and go the whole way."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('label_studio', help='the command label-studio')
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        files = work / 'disk' / FOLDER
        write_files(files)
        ports = [free_port() for _ in range(2)]
        studio, backend = (f'http://localhost:{port}' for port in ports)
        ours = [sys.executable, '-m', 'uninext', 'label-studio']
        ours += ['--files', str(files.parent)]
        user = ['--username', 'a@example.com', '--password', 'not-secret-1']
        theirs = [args.label_studio, 'start', '--no-browser', '--port', str(ports[0])]
        settings = dict(
            LABEL_STUDIO_BASE_DATA_DIR=str(work / 'label-studio'),
            LABEL_STUDIO_LOCAL_FILES_SERVING_ENABLED='true',
            LABEL_STUDIO_LOCAL_FILES_DOCUMENT_ROOT=str(files.parent),
            LABEL_STUDIO_ENABLE_LEGACY_API_TOKEN='true',
            ML_BLOCK_LOCAL_IP='false',
            USE_DEFAULT_BANNED_SUBNETS='false',  # of webhooks
            COLLECT_ANALYTICS='0',
            LATEST_VERSION_CHECK='0',
            SENTRY_DSN='',
            FRONTEND_SENTRY_DSN='',
            PYTHONPATH='',
            **{
                f'ML_TIMEOUT_{step}': str(SECONDS)
                for step in ('PREDICT', 'SETUP', 'HEALTH')
            },
        )
        with (
            running([*ours, '--port', str(ports[1])], f'{backend}/health', work / 'b'),
            running(
                [*theirs, *user, '--user-token', TOKEN],
                f'{studio}/health',
                work / 's',
                **settings,
            ),
        ):
            check(LabelStudio(studio, backend), files, work)
    print('Label Studio: predicted, corrected, tracked, exported, fine-tuned')
    return 0


if __name__ == '__main__':
    sys.exit(main())
