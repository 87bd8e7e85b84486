from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as coco_mask

from helpers import download_layouts as layouts
from uninext import converters as conv
from uninext.converters import mask_folders
from uninext.datasets import DatasetError
from uninext.formats.index_png import read_object_ids


def tracks_of(path):
    """Video -> object number -> (boxes, masks as arrays or None)."""
    content = json.loads(path.read_text())
    names = {v['id']: v['name'] for v in content['videos']}
    tracks = {name: {} for name in names.values()}
    for annotation in content['annotations']:
        masks = [s and coco_mask.decode(s) for s in annotation['segmentations']]
        tracks[names[annotation['video_id']]][annotation['object_id']] = (
            annotation['bboxes'],
            masks,
        )
    return tracks


def assert_as_drawn(track, boxes, number):
    assert track[0] == boxes
    for mask, box in zip(track[1], boxes):
        assert (mask is None) == (box is None)
        if box is not None:
            np.testing.assert_array_equal(mask, layouts.index_image({1: box}))


def test_image_without_objects(tmp_path):
    layouts.write_mask(tmp_path / 'a.png', np.zeros((16, 24), np.uint8))
    conversion = conv.VideoConversion()
    paths = [tmp_path / 'a.png', None]
    assert mask_folders.read_tracks(paths, (24, 16), conversion) == {}
    assert not conversion.skipped


def test_images_of_any_mode_are_read(tmp_path):
    pixels = layouts.index_image({1: [2, 3, 5, 4]})
    rgb = np.repeat(pixels[..., None] * 255, 3, axis=2)
    Image.fromarray(rgb).save(tmp_path / 'rgb.png')
    layouts.write_mask(tmp_path / 'grey.png', pixels * 255, palette=False)
    layouts.write_mask(tmp_path / 'palette.png', pixels)
    for name in ('rgb', 'grey', 'palette'):
        read = read_object_ids(tmp_path / f'{name}.png', binary=True)
        np.testing.assert_array_equal(read, pixels)


def test_frames_of_a_video_come_in_the_order_of_their_numbers(tmp_path):
    (tmp_path / 'v').mkdir()
    for number in (0, 2, 10):
        Image.new('RGB', (24, 16)).save(tmp_path / f'v/{number}.jpg')
    video = mask_folders.read_mask_video(tmp_path, None, 'v', conv.VideoConversion())
    assert video.file_names == ('v/0.jpg', 'v/2.jpg', 'v/10.jpg')


def test_youtube_vos_has_masks_and_boxes(tmp_path):
    root, out = layouts.youtube_vos(tmp_path / 'd'), tmp_path / 'a.json'
    conversion = conv.convert_youtube_vos(root, out, progress=False)
    assert (conversion.boxes, conversion.masks, conversion.frames) == (4, 4, 3)
    assert not conversion.skipped
    tracks = tracks_of(out)['v1']
    assert list(tracks) == [1, 2]
    for number, boxes in layouts.BOXES.items():
        assert_as_drawn(tracks[number], boxes, number)


def test_youtube_vos_valid_has_first_masks(tmp_path):
    root, out = layouts.youtube_vos(tmp_path / 'd'), tmp_path / 'a.json'
    conversion = conv.convert_youtube_vos(root, out, 'valid', progress=False)
    assert conversion.frames == 3  # the frame without a mask too
    tracks = tracks_of(out)['v1']
    assert tracks[1][0] == [[2, 3, 5, 4], None, None]
    assert tracks[2][0] == [None, [12, 8, 1, 1], None]


def test_youtube_vos_says_whose_categories_are_seen(tmp_path):
    root, out = layouts.youtube_vos(tmp_path / 'd'), tmp_path / 'a.json'

    def flags() -> list[int | None]:
        annotations = json.loads(out.read_text())['annotations']
        return [annotation.get('is_seen') for annotation in annotations]

    conv.convert_youtube_vos(root, out, progress=False)
    assert flags() == [None, None]  # all are
    conv.convert_youtube_vos(root, out, 'valid', progress=False)
    assert flags() == [1, 1]
    path = root / 'train' / 'meta.json'
    objects = {'1': dict(category='cat')}
    path.write_text(json.dumps(dict(videos=dict(v1=dict(objects=objects)))))
    conv.convert_youtube_vos(root, out, 'valid', all_masks=True, progress=False)
    assert flags() == [1, 0]
    assert tracks_of(out)['v1'][1][0][1] is not None  # a mask after the first
    path.unlink()
    conv.convert_youtube_vos(root, out, 'valid', progress=False)
    assert flags() == [None, None]


def test_youtube_vos_counts_what_does_not_fit(tmp_path):
    root, out = layouts.youtube_vos(tmp_path / 'd'), tmp_path / 'a.json'
    path = root / 'train' / 'meta.json'
    objects = {'1': dict(category='cat'), '7': dict(category='cow')}
    meta = dict(videos=dict(v1=dict(objects=objects), v2=dict(objects=objects)))
    path.write_text(json.dumps(meta))
    masks = root / 'train' / 'Annotations' / 'v1'
    (masks / '00000.png').unlink()
    layouts.write_mask(masks / '00005.png', np.ones((16, 23), np.uint8))
    with pytest.raises(DatasetError, match='no usable video'):
        conv.convert_youtube_vos(root, out, progress=False)
    layouts.write_mask(masks / '00000.png', layouts.index_image({1: [0, 0, 2, 2]}))
    (masks / '00010.png').write_text('broken')
    conversion = conv.convert_youtube_vos(root, out, progress=False)
    assert conversion.skipped == {
        'mask of another size than its video': 1,
        'mask that cannot be read': 1,
        'object of meta.json without a mask': 1,
        'video without a frame': 1,
    }
    layouts.write_mask(masks / '00010.png', layouts.index_image({2: [0, 0, 2, 2]}))
    conversion = conv.convert_youtube_vos(root, out, progress=False)
    assert conversion.skipped['object that meta.json does not have'] == 1
    with pytest.raises(DatasetError, match='--strict'):
        conv.convert_youtube_vos(root, out, strict=True, progress=False)


def test_davis(tmp_path):
    root, out = layouts.davis(tmp_path / 'd'), tmp_path / 'a.json'
    conv.convert_davis(root, out, progress=False)
    assert tracks_of(out)['judo'][1][0] == layouts.BOXES[1]
    conv.convert_davis(root, out, first_mask_only=True, progress=False)
    assert tracks_of(out)['judo'][2][0] == [None, [12, 8, 1, 1], None]
    # all that is not black is one object in 2016
    (root / 'ImageSets' / '2016' / 'val.txt').unlink()
    listed = '/JPEGImages/480p/judo/00000.jpg /Annotations/480p/judo/00000.png\n'
    layouts.write_text(root / 'ImageSets' / '480p' / 'val.txt', listed * 2 + '\n')
    conversion = conv.convert_davis(root, out, year='2016', progress=False)
    assert (conversion.videos, conversion.objects) == (1, 1)
    assert tracks_of(out)['judo'][1][0][1] == [3, 3, 10, 6]


def test_davis_frames_without_masks_are_left_out(tmp_path):
    root, out = layouts.davis(tmp_path / 'd'), tmp_path / 'a.json'
    (root / 'Annotations' / '480p' / 'judo' / '00005.png').unlink()
    conversion = conv.convert_davis(root, out, strict=True, progress=False)
    assert conversion.skipped == {'frame without a mask': 1}
    names = json.loads(out.read_text())['videos'][0]['file_names']
    assert names == ['judo/00000.jpg', 'judo/00010.jpg']
    with pytest.raises(DatasetError, match=r'ImageSets/2017/test\.txt does not exist'):
        conv.convert_davis(root, out, split='test')


def test_real_davis_has_the_masks_of_the_official_vis_file(data_dir, tmp_path):
    """The VIS ground truth was made from the same masks by other hands."""
    data, out = data_dir, tmp_path / 'a.json'
    ground_truth = json.loads((data / 'vis_eval' / 'gt_ytvis.json').read_text())
    root = tmp_path / 'd'
    for folder in ('JPEGImages', 'Annotations'):
        (root / folder).mkdir(parents=True)
        (root / folder / '480p').symlink_to(data / 'davis2016' / folder / '480p')
    layouts.write_text(root / 'ImageSets' / 'val.txt', 'blackswan\n')
    conversion = conv.convert_davis(root, out, year='2016', progress=False)
    assert (conversion.frames, conversion.boxes, conversion.masks) == (50, 50, 50)
    ours = json.loads(out.read_text())
    names = ours['videos'][0]['file_names']
    video = ground_truth['videos'][0]
    theirs = next(
        a for a in ground_truth['annotations'] if a['video_id'] == video['id']
    )
    for i, name in enumerate(video['file_names']):
        at = names.index(name)
        mask = ours['annotations'][0]['segmentations'][at]
        compressed = coco_mask.frPyObjects(theirs['segmentations'][i], 480, 854)
        assert mask['counts'] == compressed['counts'].decode()
        assert ours['annotations'][0]['bboxes'][at] == theirs['bboxes'][i]


def test_real_palette_masks_of_several_objects(data_dir, tmp_path):
    """Four objects, each given in a frame of its own; one mask has another size."""
    data, out = data_dir / 'vos_multi_judo', tmp_path / 'a.json'
    root = tmp_path / 'd'
    for folder in ('JPEGImages', 'Annotations'):
        (root / folder).mkdir(parents=True)
        (root / folder / '480p').symlink_to(data / folder)
    layouts.write_text(root / 'ImageSets' / '2017' / 'val.txt', 'judo\n')
    conversion = conv.convert_davis(root, out, first_mask_only=True, progress=False)
    assert conversion.skipped == {'mask of another size than its video': 1}
    tracks = tracks_of(out)['judo']
    given = {n: [i for i, b in enumerate(t[0]) if b] for n, t in tracks.items()}
    assert given == {1: [0], 3: [8], 4: [13]}
    for number, (_, masks) in tracks.items():
        path = data / 'Annotations' / 'judo' / f'{given[number][0]:05d}.png'
        pixels = np.asarray(Image.open(path)) == number
        np.testing.assert_array_equal(masks[given[number][0]], pixels)
