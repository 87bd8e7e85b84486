"""``uninext predict`` with rectangles that are found by their colour."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from helpers.painted_inferencer import PaintedVideos
from helpers.painted_world import HEIGHT, WIDTH
from helpers.predicting import (
    GREEN,
    NAMES,
    RED,
    fails,
    files_in,
    image_at,
    moved,
    read_video,
    run,
)
from uninext.apis import UninextInferencer
from uninext.apis.exports import EXPORTS, Origin
from uninext.cli import main, predict, predict_plan, predict_report
from uninext.datasets import PromptCocoDataset, VideoInstanceDataset
from uninext.utils.video_writer import VideoWriter

pytestmark = pytest.mark.usefixtures('workplace')


# ----------------------------------------------------------------------------- images


def test_nothing_is_asked(capsys):
    assert "Give --categories 'person, car'" in fails(capsys, 'a.png')
    with pytest.raises(SystemExit):
        main(['predict'])


def test_nothing_is_found(photos, capsys):
    assert run(photos / 'a.png', '--categories', 'pink') == 0
    out = capsys.readouterr().out
    assert 'found in 1 image: nothing\n' in out
    assert 'a --score-thr below 0.3' in out
    assert np.array_equal(cv2.imread('found/a.png'), image_at())


def test_a_folder(photos, capsys):
    assert run(photos, *NAMES) == 0
    assert files_in(Path('found')) == ['a.json', 'a.png', 'b.json', 'b.png']
    record = json.loads(Path('found/a.json').read_text())
    assert [i['label'] for i in record['instances']] == ['red', 'green']
    assert record['instances'][0]['box_xyxy'] == list(RED)
    assert not np.array_equal(cv2.imread('found/a.png'), image_at())
    out = capsys.readouterr().out
    assert 'found in 2 images: 2 x red, 2 x green' in out
    assert 'written to found: a.png, a.json, b.png, b.json (0.0 MB)' in out


def test_images_keep_their_place(photos, workplace):
    sources = [photos / 'a.png', photos / 'below', photos / 'below/*.png']
    cv2.imwrite(str(workplace / 'a.jpg'), image_at())
    assert run('a.jpg', *sources, *NAMES, '--save', 'images', '--out', 'o') == 0
    assert files_in(workplace / 'o') == [
        'a.jpg',
        'photos/a.png',
        'photos/below/c-2.png',  # was given twice
        'photos/below/c.png',
    ]


@pytest.mark.parametrize(
    ('options', 'labels'),
    [
        (['--expression', 'a red thing', '--expression', 'green'], 2),
        (['--box', *RED, '--box', *GREEN], 2),
        ([*NAMES, '--expression', 'green', '--box', *RED], 4),
        ([*NAMES, '--score-thr', '0.95'], 0),
        (['--categories', 'thing', '--batch-size', '2'], 2),
    ],
)
def test_prompts(photos, options, labels):
    assert run(photos, *options, '--save', 'json') == 0
    for name in ('a', 'b'):
        record = json.loads(Path(f'found/{name}.json').read_text())
        assert len(record['instances']) == labels


def test_what_is_excluded_is_asked_and_not_returned(photos, capsys):
    options = ['--exclude', 'pink', '--exclude-expression', 'a pink one']
    assert run(photos / 'a.png', *NAMES, *options, '--save', 'json') == 0
    record = json.loads(Path('found/a.json').read_text())
    assert [i['prompt_id'] for i in record['instances']] == [0, 0]
    assert len(record['prompts']) == 1
    assert run(photos / 'a.png', *NAMES, '--exclude', 'red') == 2
    assert "'red' is asked for and excluded" in capsys.readouterr().err


def test_what_is_not_there_is_told(photos, capsys):
    options = ['--expression', 'purple', '--score-thr', 'expression=0.5']
    assert run(photos, *NAMES, *options, '--score-thr', '0.2', '--save', 'json') == 0
    assert 'not there in 2 of 2: purple\n' in capsys.readouterr().out
    assert json.loads(Path('found/a.json').read_text())['absent'] == ['purple']


@pytest.mark.parametrize('wrong', ['2', 'x', 'box=0.3', 'expression=', '=-1'])
def test_wrong_thresholds_are_refused(photos, capsys, wrong):
    error = fails(capsys, photos, *NAMES, f'--score-thr={wrong}')
    assert f'--score-thr must be in 0..1, got {wrong}; or KIND=S, of the' in error


def test_categories_may_be_repeated(photos):
    options = ['--categories', 'red,', '--categories', 'green', '--save', 'json']
    assert run(photos / 'a.png', *options) == 0
    record = json.loads(Path('found/a.json').read_text())
    assert record['prompts'] == ['red, green']
    assert [i['label'] for i in record['instances']] == ['red', 'green']


def test_a_name_that_is_given_twice_is_asked_once_and_told_once(photos, capsys):
    assert run(photos, '--categories', 'red, red, Red', '--save', 'json') == 0
    err = capsys.readouterr().err.splitlines()
    assert [line for line in err if 'more than once' in line] == [
        'warning: Category names that are given more than once are asked for once: red.'
    ]
    record = json.loads(Path('found/a.json').read_text())
    assert [i['label'] for i in record['instances']] == ['red']


@pytest.mark.parametrize(
    ('box', 'message'),
    [
        ((40, 40, 8, 8), 'corners are swapped'),
        ((0.1, 0.1, 0.4, 0.6), 'Pixels of the image are expected'),
    ],
)
def test_boxes_are_refused_before_a_model_is_built(
    photos, capsys, monkeypatch, box, message
):
    monkeypatch.setattr('uninext.apis.UninextInferencer', None)
    assert message in fails(capsys, photos, '--box', *box)
    assert not Path('found').exists()


@pytest.mark.parametrize('threshold', ['2', '-1', 'nan', 'high'])
def test_thresholds_that_are_none_are_refused(photos, capsys, threshold):
    assert 'score-thr' in fails(capsys, photos, *NAMES, '--score-thr', threshold)


def test_the_shipped_model_says_what_it_never_learned(photos, capsys, monkeypatch):
    shipped = UninextInferencer(scale=None)
    monkeypatch.setattr('uninext.apis.UninextInferencer', lambda *_, **__: shipped)
    for told in (1, 0):  # Python is told once
        assert run(photos, '--categories', 'star, car', '--save', 'none') == 0
        err = capsys.readouterr().err.splitlines()
        lines = [line for line in err if line.startswith('warning: ')]
        assert len(lines) == told
        assert all("uninext_tiny never learned 'car': it was" in one for one in lines)
    assert "'car'" in shipped.remarks(categories='car')[0]  # which the page shows


def test_masks_are_files(photos):
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[8:40, 8:40] = 9
    cv2.imwrite('mask.png', mask)
    cv2.imwrite('other.png', np.roll(mask, 56, 1))
    options = ['--mask', 'mask.png', '--mask', 'other.png', '--save', 'json']
    assert run(photos / 'a.png', *options) == 0
    record = json.loads(Path('found/a.json').read_text())
    assert record['prompts'] == ['mask', 'mask']
    assert record['instances'][0]['box_xyxy'] == list(RED)


def test_options_reach_the_inferencer(photos, monkeypatch):
    given = []

    def build(*args, **kwargs):
        given.append((args, kwargs))
        return UninextInferencer(PaintedVideos(), scale=None)

    monkeypatch.setattr('uninext.apis.UninextInferencer', build)
    assert run(photos, *NAMES) == 0
    options = ['--model', 'm', '--checkpoint', 'c', '--device', 'd']
    assert run(photos, *NAMES, *options, '--scale', 128, 64) == 0
    options = ['--precision', 'bf16', '--num-queries', 90, '--compile']
    assert run(photos, *NAMES, *options) == 0
    speed = dict(precision='bf16', num_queries=90, compile=True)
    assert given == [
        ((None, None, 'auto'), {}),
        (('m', 'c', 'd'), dict(scale=(128, 64))),
        ((None, None, 'auto'), speed),
    ]


def test_coco_labels_are_read_by_our_dataset(photos, capsys):
    assert run(photos, *NAMES, '--save', 'coco') == 0
    assert files_in(Path('found')) == ['coco_labels.json', 'coco_results.json']
    dataset = PromptCocoDataset(
        data_root=str(photos),
        ann_file=str(Path('found/coco_labels.json').resolve()),
        data_prefix=dict(img=''),
        pipeline=[],
    )
    assert dataset.metainfo['classes'] == ('red', 'green')
    info = dataset.get_data_info(1)
    assert info['img_path'] == str(photos / 'b.png')
    assert info['instances'][0]['bbox'] == moved(RED, 1)
    results = json.loads(Path('found/coco_results.json').read_text())
    assert [r['image_id'] for r in results] == [1, 1, 2, 2]
    assert f'label sets start from {photos}' in capsys.readouterr().out


def test_limit(photos, video):
    assert run(photos, video, *NAMES, '--limit', '1', '--out', 'o') == 0
    assert files_in(Path('o')) == ['a.json', 'a.png', 'walk.jsonl', 'walk.mp4']
    assert read_video(Path('o/walk.mp4'))[0] == 1


# ------------------------------------------------------------------------------- videos


def test_a_video(video, capsys):
    assert run(video, *NAMES, '--box', *RED) == 0
    assert files_in(Path('found')) == ['walk.jsonl', 'walk.mp4']
    assert read_video(Path('found/walk.mp4')) == (4, 12.5)
    lines = Path('found/walk.jsonl').read_text().splitlines()
    records = [json.loads(line) for line in lines]
    assert [record['frame'] for record in records] == [0, 1, 2, 3]
    tracks = [[i['track_id'] for i in record['instances']] for record in records]
    assert tracks == [tracks[0]] * 4
    assert len(set(tracks[0])) == 3
    out = capsys.readouterr().out
    assert 'tracked through 4 frames: 1 x red, 1 x green, 1 x target' in out


@pytest.mark.parametrize(
    'source', ['photos', 'photos/*.png', 'photos/a.png photos/b.png']
)
def test_images_as_video(photos, source):
    options = ['--as-video', '--fps', '5', '--save', 'video,mot,ytvis,frames']
    assert run(*source.split(), *NAMES, *options) == 0
    assert files_in(Path('found')) == [
        'photos.mp4',
        'photos.txt',
        'photos/000000.jpg',
        'photos/000001.jpg',
        'ytvis_labels.json',
        'ytvis_results.json',
    ]
    assert read_video(Path('found/photos.mp4')) == (2, 5)
    labels = json.loads(Path('found/ytvis_labels.json').read_text())
    assert labels['videos'][0]['file_names'] == ['a.png', 'b.png']


def test_frames_of_a_video_by_themselves(video, capsys):
    """So does a model that cannot track."""
    options = [*NAMES, '--no-as-video', '--model', 'images', '--save']
    assert run(video, *options, 'json,video,coco') == 0
    records = Path('found/walk.jsonl').read_text().splitlines()
    assert [json.loads(record)['frame'] for record in records] == [0, 1, 2, 3]
    assert 'found in 4 frames: 4 x red, 4 x green' in capsys.readouterr().out
    error = fails(capsys, video, *options, 'mot')
    assert '--save mot needs tracks through a video' in error
    error = fails(capsys, video, *NAMES, '--model', 'images')
    assert 'Videos need a UNINEXTVideo' in error
    assert not Path('found-2').exists()


def test_label_sets_of_a_video_bring_their_frames(video, capsys):
    assert run(video, *NAMES, '--save', 'coco,ytvis,cvat,mot') == 0
    frames = [f'frames/walk/{i:06d}.jpg' for i in range(4)]
    assert files_in(Path('found')) == [
        'coco_labels.json',
        'coco_results.json',
        *frames,
        'walk.txt',
        'walk.xml',
        'ytvis_labels.json',
        'ytvis_results.json',
    ]
    settings = dict(
        data_root='found', data_prefix=dict(img=''), pipeline=[], test_mode=True
    )
    videos = VideoInstanceDataset(ann_file='ytvis_labels.json', **settings)
    assert len(videos) == 4
    info = videos.get_data_info(2)
    assert cv2.imread(info['img_path']).shape == (HEIGHT, WIDTH, 3)
    assert len(info['instances']) == 2
    assert info['video_name'] == 'walk'
    images = PromptCocoDataset(ann_file='coco_labels.json', **settings)
    assert len(images) == 4
    assert Path('found/walk.xml').read_text().count('<track ') == 2
    assert len(Path('found/walk.txt').read_text().splitlines()) == 8
    assert 'label sets start from found' in capsys.readouterr().out


def test_results_are_evaluated_by_eval(video, capsys):
    """What predict writes, eval reads."""
    assert run(video, *NAMES, '--save', 'ytvis,coco', '--out', 'o') == 0
    capsys.readouterr()
    for name in ('ytvis', 'coco'):
        paths = ['--gt', f'o/{name}_labels.json', '--pred', f'o/{name}_results.json']
        assert main(['eval', name, *paths]) == 0
        metrics = json.loads(capsys.readouterr().out)
        best = metrics.get('segm', metrics)
        assert best['AP'] == pytest.approx(1)


def test_a_mixture(photos, video, capsys):
    assert run(video, photos, video, *NAMES, '--save', 'coco,video,images') == 0
    names = files_in(Path('found'))
    assert {'walk.mp4', 'walk-2.mp4', 'a.png', 'b.png'} <= set(names)
    labels = json.loads(Path('found/coco_labels.json').read_text())
    files = [image['file_name'] for image in labels['images']]
    assert files[0] == 'frames/walk/000000.jpg'
    assert files[4] == '../photos/a.png'
    assert files[-1] == 'frames/walk-2/000003.jpg'
    assert all((Path('found') / name).is_file() for name in files)
    out = capsys.readouterr().out
    assert 'tracked through 8 frames: 2 x red, 2 x green' in out


def test_the_times_of_a_video_are_kept(workplace):
    times = [0, 0.1, 0.2, 1.0, 2.5, 4.0]
    with VideoWriter('vary.mp4', 10) as writer:
        for step, time in enumerate(times):
            writer.write(image_at(step % 4), time)
    for options, expected in (([], times), (['--fps', 5], np.arange(6) / 5)):
        assert run('vary.mp4', *NAMES, *options, '--out', 'o', '--overwrite') == 0
        lines = Path('o/vary.jsonl').read_text().splitlines()
        found = [json.loads(line)['time'] for line in lines]
        np.testing.assert_allclose(found, times, atol=1e-3)
        with av.open('o/vary.mp4') as container:
            shown = [frame.time for frame in container.decode(video=0)]
        np.testing.assert_allclose(shown, expected, atol=1e-3)


def test_frames_of_another_size(workplace):
    (workplace / 'f').mkdir()
    cv2.imwrite('f/a.png', image_at())
    cv2.imwrite('f/b.png', cv2.resize(image_at(), (32, 64)))
    assert run('f', *NAMES, '--as-video') == 0
    assert read_video(Path('found/f.mp4'))[0] == 2


# ------------------------------------------------------------------------- interruption


class Endless:
    """A camera that never ends; an event after so many frames."""

    def __init__(self, after: int, event) -> None:
        self.after, self.event = after, event

    def __call__(self, source):
        for step in range(99):
            if step == self.after:
                self.event()
            yield image_at(step % 4), None


def interrupt():
    os.kill(os.getpid(), signal.SIGINT)


def interrupt_twice():
    interrupt()
    interrupt()


@pytest.mark.parametrize(
    ('event', 'kept'), [(interrupt, 4), (interrupt_twice, 3)], ids=['once', 'twice']
)
def test_ctrl_c_keeps_what_was_found(monkeypatch, capsys, event, kept):
    monkeypatch.setattr('uninext.apis.sources.read_timed_frames', Endless(3, event))
    before = signal.getsignal(signal.SIGINT)
    saves = ['--save', 'video,json,mot,cvat,ytvis']
    assert run('0', *NAMES, *saves) == 130
    assert signal.getsignal(signal.SIGINT) is before
    assert read_video(Path('found/camera-0.mp4')) == (kept, 25)
    assert len(Path('found/camera-0.jsonl').read_text().splitlines()) == kept
    assert 'outside="0"' in Path('found/camera-0.xml').read_text()
    labels = json.loads(Path('found/ytvis_labels.json').read_text())
    assert len(labels['videos'][0]['file_names']) == kept
    captured = capsys.readouterr()
    assert 'stopped; what was found until then is kept' in captured.out
    assert 'Ctrl-C again' in captured.err
    assert not list(Path('found').rglob('*.tmp'))


def test_lines_are_there_while_it_runs(monkeypatch):
    seen = []

    def look():
        seen.append(Path('found/camera-0.jsonl').read_text().count('\n'))
        interrupt()

    monkeypatch.setattr('uninext.apis.sources.read_timed_frames', Endless(3, look))
    assert run('0', *NAMES, '--quiet') == 130
    assert seen == [3]


def test_in_a_thread_there_are_no_signals(photos):
    with ThreadPoolExecutor() as pool:
        assert pool.submit(run, photos, *NAMES, '--save', 'json').result() == 0


def test_a_full_disk_is_a_message(video, monkeypatch, capsys):
    def full(self, frame, time):
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(VideoWriter, 'write', full)
    error = fails(capsys, video, *NAMES, '--out', 'o')
    assert 'walk.mp4 could not be written: No space left on device' in error
    assert 'Make room' in error


# ------------------------------------------------------------------------ where it goes


def test_nothing_is_overwritten(photos, capsys):
    for _ in range(3):
        assert run(photos, *NAMES, '--save', 'json') == 0
    assert all(Path(name).is_dir() for name in ('found', 'found-2', 'found-3'))
    error = fails(capsys, photos, *NAMES, '--out', 'found')
    assert '--out found is not empty' in error
    assert '--overwrite' in error
    (Path('found') / 'mine.txt').touch()
    assert run(photos, *NAMES, '--overwrite') == 0
    assert files_in(Path('found')) == ['a.json', 'a.png', 'b.json', 'b.png', 'mine.txt']
    assert not Path('found-4').exists()
    assert '--out photos/a.png is a file' in fails(
        capsys, photos, *NAMES, '--out', 'photos/a.png'
    )


@pytest.mark.parametrize('source', ['photos', 'photos/a.png', 'photos/*.png'])
def test_images_themselves_are_not_replaced(photos, capsys, source):
    options = ['--out', 'photos/../photos', '--overwrite']
    assert 'would replace the images' in fails(capsys, source, *NAMES, *options)
    assert np.array_equal(cv2.imread('photos/a.png'), image_at())


def test_quiet_and_nothing_saved(photos, capsys):
    options = ['--save', 'none', '--quiet', '--model', 'painted']
    assert run(photos, *NAMES, *options) == 0
    assert not Path('found').exists()
    captured = capsys.readouterr()
    assert captured.out == captured.err == ''


# ------------------------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (['absent.png'], 'There is no file or folder absent.png'),
        (['photos', '--save', 'mot'], '--save mot needs tracks through a video, and'),
        (['photos', '--save', 'video'], '--save video needs videos, and photos holds'),
        (['photos', '--limit', '0'], '--limit must be at least 1, got 0'),
        (['photos', '--batch-size', '0'], '--batch-size must be at least 1'),
        (['photos', '--fps', '-1'], '--fps must be in 0..1000, got -1'),
        (['photos', '--score-thr', '2'], '--score-thr must be in 0..1, got 2'),
        (['photos', '--mask', 'photos'], 'The mask photos cannot be read'),
        (['photos', '--mask', 'photos/a.png', '--mask', 'small.png'], 'All masks'),
        (['text.txt'], 'No frame can be read'),
    ],
)
def test_errors_say_what_to_do(photos, capsys, options, message):
    cv2.imwrite('small.png', np.ones((3, 3), np.uint8))
    Path('text.txt').write_text('no video')
    assert message in fails(capsys, *options, *NAMES)
    assert not Path('found').exists()


def test_unknown_exports_are_named(capsys):
    error = fails(capsys, 'a.png', *NAMES, '--save', 'mot,voc')
    assert 'there is no export voc; choose from images, video' in error
    assert "there is no export ''" in fails(capsys, 'a.png', '--save', '')


def test_show_needs_a_screen(photos, monkeypatch, capsys):
    monkeypatch.delenv('DISPLAY', raising=False)
    monkeypatch.delenv('WAYLAND_DISPLAY', raising=False)
    monkeypatch.setattr(sys, 'platform', 'linux')
    assert '--show needs a screen' in fails(capsys, photos, *NAMES, '--show')


@pytest.mark.parametrize(('key', 'shown'), [(-1, 2), (ord('q'), 1), (27, 1)])
def test_show(photos, monkeypatch, capsys, key, shown):
    images = []
    monkeypatch.setenv('DISPLAY', ':0')
    monkeypatch.setattr(cv2, 'imshow', lambda name, image: images.append(image))
    monkeypatch.setattr(cv2, 'waitKey', lambda _: key)
    assert run(photos, *NAMES, '--show') == 0
    assert len(images) == shown
    assert np.array_equal(images[0], cv2.imread('found/a.png'))


def test_show_without_a_window(photos, monkeypatch, capsys):
    def fail(*_):
        raise cv2.error('no GUI')

    monkeypatch.setenv('DISPLAY', ':0')
    monkeypatch.setattr(cv2, 'imshow', fail)
    assert '--show cannot open a window' in fails(capsys, photos, *NAMES, '--show')


# -------------------------------------------------------------------------------- parts


def test_help_lists_every_export():
    assert list(predict.SAVES) == list(EXPORTS)
    parser = argparse.ArgumentParser()
    predict.add_arguments(parser)
    shown = parser.format_help()
    assert all(f'  {name} ' in shown for name in EXPORTS)
    assert '--categories' in shown


def test_names_of_addresses_have_no_password(monkeypatch):
    (job,) = predict_plan.jobs_of(['rtsp://me:secret@cam.local/live/1'], None)
    assert job.origin == Origin('cam.local-live-1', True, True)


def test_a_number_may_be_a_folder(workplace):
    (workplace / '7').mkdir()
    cv2.imwrite('7/a.png', image_at())
    (job,) = predict_plan.jobs_of(['7'], None)
    assert job.source == ['7']
    (job,) = predict_plan.jobs_of(['8'], None)
    assert (job.source, job.origin.name) == (8, 'camera-8')


def test_the_summary_names_a_few_files():
    paths = [Path(f'{i}.png') for i in range(9)]
    paths += [Path('below/here') / path for path in paths]
    assert predict_report._named(paths) == [
        *(f'{i}.png' for i in range(6)),
        '3 more',
        'below/here/ (9 files)',
    ]


def test_advice_where_nothing_was_found():
    images, video = predict_report.Tally(), predict_report.Tally()
    video.numbers[predict_report.Tally.TRACKED] = 3
    advice = predict_report._advice
    assert advice(images, 0.0) == 'other categories'
    assert advice(images, 0.3).endswith('or a --score-thr below 0.3')
    assert '--score-thr' not in advice(video, 0.0).replace('--init-score-thr', '')
    assert '--init-score-thr below' in advice(video, 0.0)
