"""Small files that are right, to be damaged: name below a folder -> content."""

from __future__ import annotations

import io
import json
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image

from fuzz.mutators import Files
from uninext.formats.rle import encode_mask

HEIGHT, WIDTH = 12, 16
BOX_XYWH = [3.0, 2.0, 8.0, 6.0]
SIDES = ('gt', 'pred')


def mask(shift: int = 0) -> np.ndarray:
    """(H, W) bool, a rectangle."""
    filled = np.zeros((HEIGHT, WIDTH), bool)
    filled[2:8, 3 + shift : 11 + shift] = True
    return filled


def png(values: np.ndarray) -> bytes:
    """A file of an array, or of its bool."""
    file = io.BytesIO()
    Image.fromarray(np.asarray(values, np.uint8)).save(file, format='PNG')
    return file.getvalue()


def as_json(content: Any) -> bytes:
    """A JSON file."""
    return json.dumps(content).encode()


def image_records(**of_image: Any) -> dict[str, Any]:
    """A COCO file of three images: polygons, an RLE, a crowd beside."""
    polygon = [[3, 2, 11, 2, 11, 8, 3, 8]]
    sizes = dict(height=HEIGHT, width=WIDTH)
    images = [dict(id=i, file_name=f'{i}.png', **sizes, **of_image) for i in (1, 2, 3)]
    shapes = (polygon, encode_mask(mask()), dict(size=[12, 16], counts=[40, 6, 146]))
    annotations = [
        dict(id=i, image_id=i, category_id=5, bbox=BOX_XYWH, area=48, iscrowd=0,
             segmentation=shapes[i - 1])
        for i in (1, 2, 3)
    ]  # fmt: skip
    categories = [dict(id=5, name='dog'), dict(id=7, name='red car')]
    return dict(images=images, annotations=annotations, categories=categories)


def image_results() -> list[dict[str, Any]]:
    """Results that belong to them."""
    shape = dict(bbox=BOX_XYWH, segmentation=encode_mask(mask()))
    return [
        dict(image_id=i, category_id=5, score=0.9 - i / 9, **shape) for i in (1, 2, 3)
    ]


def video_records(**of_video: Any) -> dict[str, Any]:
    """Two videos of three frames in the layout of YouTube-VIS."""
    names = ['0.png', '1.png', '2.png']
    videos = [
        dict(id=i, height=HEIGHT, width=WIDTH, length=3, file_names=names, **of_video)
        for i in (1, 2)
    ]
    annotations = [
        dict(id=i, video_id=i, category_id=5, iscrowd=0, areas=[48, None, 48],
             bboxes=[BOX_XYWH, None, BOX_XYWH],
             segmentations=[encode_mask(mask()), None, encode_mask(mask(2))])
        for i in (1, 2)
    ]  # fmt: skip
    return dict(
        videos=videos, annotations=annotations, categories=[dict(id=5, name='dog')]
    )


def video_results() -> list[dict[str, Any]]:
    """Results that belong to them."""
    tube = [encode_mask(mask()), None, encode_mask(mask(2))]
    return [
        dict(video_id=i, category_id=5, score=0.5, segmentations=tube) for i in (1, 2)
    ]


def pair(ground_truth: Any, results: Any) -> Files:
    """Two JSON files."""
    return {'gt.json': as_json(ground_truth), 'pred.json': as_json(results)}


def frames_of_ids() -> Files:
    """Images of object ids, a palette's, on both sides."""
    files = {}
    for t in range(3):
        ids = mask(t).astype(np.uint8)
        ids[9:, 2:6] = 2
        for side in SIDES:
            files[f'{side}/v/{t}.png'] = png(ids)
    return files


def frames_of_expressions() -> Files:
    """A mask for each frame of an expression."""
    return {
        f'{side}/v/0/{t}.png': png(mask(t) * 255) for side in SIDES for t in range(3)
    }


def boxes_of_an_object() -> Files:
    """LaSOT's layout."""
    boxes = b'3,2,8,6\n4,2,8,6\n5,2,8,6\n'
    return {
        'gt/cat/groundtruth.txt': boxes,
        'gt/cat/full_occlusion.txt': b'0,0,0',
        'gt/cat/out_of_view.txt': b'0,1,0',
        'gt/cat/meta_info.ini': b'[METAINFO]\nresolution: (16, 12)\n',
        'pred/cat.txt': boxes,
    }


def otb_results() -> Files:
    """A result file of the OTB toolkit."""
    boxes = [[3, 2, 8, 6], [4, 2, 8, 6]]
    return {
        'gt.txt': b'3,2,8,6\n4,2,8,6\n',
        'pred.json': as_json([dict(res=boxes, resType='rect')]),
    }


def mot_tracks() -> Files:
    """MOT17's layout."""
    lines = [f'{t},{i},{3 + t},{2 + i},8,6,1,1,1' for t in (1, 2, 3) for i in (1, 2)]
    found = [
        f'{t},{i},{3 + t},{2 + i},8,6,0.9,-1,-1,-1' for t in (1, 2, 3) for i in (1, 2)
    ]
    return {
        'gt/a/gt/gt.txt': '\n'.join(lines).encode(),
        'gt/a/seqinfo.ini': b'[Sequence]\nname=a\nseqLength=3\n',
        'pred/a.txt': '\n'.join(found).encode(),
    }


def mots_tracks() -> Files:
    """MOTS's layout."""
    counts = encode_mask(mask())['counts']
    lines = [f'{t} {2001} 2 {HEIGHT} {WIDTH} {counts}' for t in (1, 2, 3)]
    content = '\n'.join(lines).encode()
    return {
        'gt/a/gt.txt': content,
        'gt/a/seqinfo.ini': b'[Sequence]\nseqLength=3\n',
        'pred/a.txt': content,
    }


def scalabel(in_videos: bool) -> Files:
    """Frames of BDD100K with boxes and masks."""
    runs = encode_mask(mask())
    frames = []
    for t in range(3):
        label = dict(id='7', category='car', score=0.8, rle=runs)
        label['box2d'] = dict(x1=3, y1=2, x2=10, y2=7)
        frame = dict(name=f'v-{t}.jpg', labels=[label], size=dict(width=16, height=12))
        if in_videos:
            frame |= dict(videoName='v', frameIndex=t)
        frames.append(frame)
    polygon = dict(
        vertices=[[3, 2], [11, 2], [11, 8], [3, 8]], types='LLLL', closed=True
    )
    truth = json.loads(json.dumps(frames))
    if not in_videos:
        truth[0]['labels'][0] |= dict(poly2d=[polygon], attributes=dict(crowd=False))
        del truth[0]['labels'][0]['rle']
    return pair(dict(frames=truth), frames)


def bitmasks() -> Files:
    """Bitmasks of BDD100K, a folder a video."""
    files = {}
    for t in range(2):
        pixels = np.zeros((HEIGHT, WIDTH, 4), np.uint8)
        pixels[mask(t)] = (3, 0, 0, 7)
        for side in SIDES:
            files[f'{side}/v/v-{t}.png'] = png(pixels)
    return files


def image_files() -> Files:
    """An image."""
    values = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 3))
    file = io.BytesIO()
    Image.fromarray(values.astype(np.uint8)).save(file, format='JPEG')
    return {'a.jpg': file.getvalue(), 'b.png': png(values)}


def mask_files() -> Files:
    """A mask of two tones, one of numbers, one in the alpha channel."""
    alpha = np.full((HEIGHT, WIDTH, 4), 255)
    alpha[..., 3] *= mask()
    return {'a.png': png(mask() * 255), 'b.png': png(mask() * 2), 'c.png': png(alpha)}


@cache
def _video(suffix: str, code: str) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, f'v.{suffix}')
        codec = cv2.VideoWriter_fourcc(*code)
        writer = cv2.VideoWriter(str(path), codec, 5, (32, 24))
        for t in range(6):
            writer.write(np.full((24, 32, 3), 40 * t, np.uint8))
        writer.release()
        return path.read_bytes()


def video_files(suffix: str, code: str) -> Files:
    """A video of six frames."""
    return {f'v.{suffix}': _video(suffix, code)}
