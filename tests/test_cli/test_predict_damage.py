"""``uninext predict`` of sources that are damaged, and masks that show several."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from helpers.painted_world import HEIGHT, WIDTH
from helpers.predicting import GREEN, NAMES, RED, fails, files_in, image_at, run
from uninext.utils.video_writer import VideoWriter

pytestmark = pytest.mark.usefixtures('workplace')


def test_nothing_that_can_be_read(photos, capsys):
    for path in photos.glob('*.png'):
        path.write_bytes(b'no image')
    error = fails(capsys, photos, *NAMES)
    assert f'warning: skipped: Cannot read {photos / "b.png"}' in error
    assert f'error: No source could be used: skipped: Cannot read {photos}' in error
    assert 'error: Cannot read' in fails(capsys, photos, *NAMES, '--strict')


@pytest.mark.parametrize('batch_size', [1, 3])
def test_a_folder_goes_on_and_names_what_it_skips(photos, capsys, batch_size):
    (photos / 'a.png').write_bytes(b'no image')
    cv2.imwrite(str(photos / 'c.png'), np.zeros((1, 400, 3), np.uint8))
    options = ['--save', 'coco', '--out', 'o', '--batch-size', batch_size]
    assert run(photos, *NAMES, *options) == 3
    labels = json.loads(Path('o/coco_labels.json').read_text())
    assert [image['file_name'] for image in labels['images']] == ['b.png']
    captured = capsys.readouterr()
    assert f'warning: skipped: Cannot read {photos / "a.png"}' in captured.err
    assert f'warning: skipped: {photos / "c.png"}: An image of 400 x 1' in captured.err
    assert 'found in 1 image: 1 x red, 1 x green' in captured.out
    assert '2 images skipped: see above' in captured.out


@pytest.mark.parametrize('batch_size', [1, 3])
def test_strict_stops_and_keeps_what_was_found(photos, capsys, batch_size):
    cv2.imwrite(str(photos / 'c.png'), image_at())
    (photos / 'b.png').write_bytes(b'no image')
    options = ['--save', 'coco', '--out', 'o', '--batch-size', batch_size, '--strict']
    assert 'error: Cannot read' in fails(capsys, photos, *NAMES, *options)
    labels = json.loads(Path('o/coco_labels.json').read_text())
    assert [image['file_name'] for image in labels['images']] == ['a.png']


def broken_video(path: Path) -> Path:
    """Twelve frames in its header, the first few in the file."""
    draw = np.random.default_rng(0)
    with VideoWriter(path, 10) as writer:
        for step in range(12):
            noise = draw.integers(0, 99, (HEIGHT, WIDTH, 3), np.uint8)
            writer.write(np.where(image_at(step).any(-1, keepdims=True), 255, noise))
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    return path


def test_a_video_that_breaks_off(workplace, video, capsys):
    path = broken_video(workplace / 'broken.mp4')
    assert run(path, *NAMES, '--save', 'json') == 3
    captured = capsys.readouterr()
    frames = len(Path('found/broken.jsonl').read_text().splitlines())
    assert 0 < frames < 12
    told = f'broken.mp4 is damaged: {frames} of 12 frames could be read'
    assert told in captured.err
    assert '1 source damaged: see above' in captured.out
    assert told in fails(
        capsys, path, *NAMES, '--out', 'o', '--save', 'json', '--strict'
    )
    assert len(Path('o/broken.jsonl').read_text().splitlines()) == frames


def test_one_video_of_several_is_no_video(workplace, video, capsys):
    Path('a.mp4').write_text('no video')
    assert run('a.mp4', video, *NAMES, '--save', 'json') == 3
    assert files_in(Path('found')) == ['walk.jsonl']
    assert 'warning: No frame can be read from a.mp4' in capsys.readouterr().err
    options = ['--save', 'json', '--out', 'o', '--strict']
    assert 'No frame can be read' in fails(capsys, 'a.mp4', video, *NAMES, *options)


def test_half_a_jpeg_is_told(photos, capsys):
    content = cv2.imencode('.jpg', image_at())[1].tobytes()
    (photos / 'half.jpg').write_bytes(content[: len(content) * 2 // 3])
    assert run(photos, *NAMES, '--save', 'json') == 3
    assert 'half.jpg is damaged: the end of the file' in capsys.readouterr().err
    assert 'half.json' in files_in(Path('found'))
    fails(capsys, photos / 'half.jpg', *NAMES, '--strict')


def test_a_palette_shows_a_target_by_each_index(photos):
    indices = np.zeros((HEIGHT, WIDTH), np.uint8)
    for number, (x1, y1, x2, y2) in enumerate((RED, GREEN), start=1):
        indices[y1:y2, x1:x2] = number
    mask = Image.fromarray(indices).convert('P')
    mask.putpalette([0, 0, 0, 128, 0, 0, 0, 128, 0])
    mask.save('mask.png')
    assert run(photos / 'a.png', '--mask', 'mask.png', '--save', 'json') == 0
    record = json.loads(Path('found/a.json').read_text())
    boxes = [instance['box_xyxy'] for instance in record['instances']]
    assert boxes == [list(RED), list(GREEN)]


def test_soft_masks_are_told_and_no_damage(photos, capsys):
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[8:40, 8:40] = 255
    cv2.imwrite('mask.png', cv2.GaussianBlur(mask, (3, 3), 0))
    assert run(photos / 'a.png', '--mask', 'mask.png', '--save', 'none') == 0
    assert 'warning: The mask mask.png has' in capsys.readouterr().err


def test_a_box_outside_of_a_video_is_told_as_the_option_has_it(video, capsys):
    error = fails(capsys, video, '--box', 500, 500, 600, 600)
    assert f'(500, 500, 600, 600) lies outside its frame, which is {WIDTH} x' in error
    assert 'remove(' not in error and 'add(' not in error


# ------------------------------------------------------------------- folders of others


def test_frames_of_a_folder_are_in_the_order_of_their_numbers(workplace):
    Path('walk').mkdir()
    for number in (10, 2, 1):
        cv2.imwrite(f'walk/{number}.png', image_at(number % 4))
    assert run('walk', *NAMES, '--as-video', '--save', 'ytvis') == 0
    (walk,) = json.loads(Path('found/ytvis_labels.json').read_text())['videos']
    assert walk['file_names'] == ['1.png', '2.png', '10.png']


@pytest.mark.parametrize('source', ['clips', 'clips/*.mp4'])
def test_videos_of_a_folder_or_pattern_are_tracked_one_by_one(video, capsys, source):
    Path('clips').mkdir()
    for name in ('10.mp4', '2.mp4'):
        Path('clips', name).write_bytes(video.read_bytes())
    Path('clips/1.mp4').write_bytes(b'no video')
    assert run(source, *NAMES, '--save', 'json') == 3
    assert files_in(Path('found')) == ['10.jsonl', '2.jsonl']
    captured = capsys.readouterr()
    assert 'warning: No frame can be read from clips/1.mp4' in captured.err
    assert 'tracked through 8 frames' in captured.out


def test_what_a_folder_of_images_holds_besides(photos, capsys):
    for name in ('clip.mp4', 'phone.heic', 'notes.txt'):
        (photos / name).touch()
    assert run('photos', *NAMES, '--save', 'none') == 0
    told = 'left out of photos: below/, clip.mp4, phone.heic; of folders .bmp,'
    assert told in capsys.readouterr().out


def test_a_place_that_cannot_be_written_is_told_before_the_network_runs(
    photos, capsys, monkeypatch
):
    monkeypatch.setattr('uninext.cli.predict._build_inferencer', lambda _: 1 / 0)
    error = fails(capsys, photos, *NAMES, '--out', '/proc/there/found')
    assert 'error: --out /proc/there/found cannot be written: ' in error


def test_long_names_are_shortened_and_errors_come_alone(photos, capsys):
    assert run(photos, '--expression', 'red ' * 500, '--save', 'none') == 0
    assert 'x ' + 'red ' * 15 + '...' in capsys.readouterr().out
    Path('text').write_text('no video')
    assert run('text', *NAMES) == 2
    assert 'nothing was found' not in capsys.readouterr().out
