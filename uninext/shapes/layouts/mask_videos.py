"""Videos with indexed masks: YouTube-VOS, DAVIS 2017 and Ref-YouTube-VOS.

Labelled videos in; folders of frames, palette images and meta files out.
"""

from __future__ import annotations

from pathlib import Path

from uninext.formats.index_png import write_object_ids
from uninext.formats.json_file import write_json
from uninext.shapes.layouts.files import Videos, index_image, link_frames, write_lines
from uninext.shapes.video_labels import LabelledVideo, Track

FRAME_STEP = 5  # YouTube-VOS labels every fifth frame: 00000, 00005, ...
FOLDERS = {'train': 'train', 'val': 'valid'}


def write_youtube_vos(root: Path, videos: Videos) -> None:
    """Write ``train`` with all masks and ``valid`` with each object's first one."""
    for split, folder in FOLDERS.items():
        meta = {}
        for video in videos[split]:
            stems = _link_fifths(video, root / folder / 'JPEGImages')
            starts = {t.id: int(t.visible.argmax()) for t in video.tracks}
            for index, stem in enumerate(stems):
                shown = {
                    track.id: track
                    for track in video.tracks
                    if split == 'train' or starts[track.id] == index
                }
                if shown:
                    path = root / folder / 'Annotations' / video.name / f'{stem}.png'
                    write_object_ids(index_image(video, shown, index), path)
            meta[video.name] = {'objects': _meta_objects(video, stems, split, starts)}
        write_json({'videos': meta}, root / folder / 'meta.json')


def write_davis(root: Path, videos: Videos) -> None:
    """Write DAVIS 2017: every object that is seen in the first frame, all masks."""
    for split in FOLDERS:
        listed = []
        for video in videos[split]:
            first = [track for track in video.tracks if track.visible[0]]
            if not first:
                continue
            listed.append(video.name)
            link_frames(video, root / 'JPEGImages/480p' / video.name)
            numbers = dict(enumerate(first, start=1))
            for index in range(len(video)):
                path = root / 'Annotations/480p' / video.name / f'{index:05d}.png'
                write_object_ids(index_image(video, numbers, index), path)
        write_lines(listed, root / 'ImageSets/2017' / f'{split}.txt')


def write_ref_youtube_vos(root: Path, videos: Videos) -> None:
    """Write expressions of all kinds; only ``train`` has masks, as in the download.

    Each expression has its ``kind`` (see ``expressions``), which readers of the real
    set do not look at.
    """
    for split, folder in FOLDERS.items():
        meta = {}
        for video in videos[split]:
            numbers = {track.id: track for track in video.tracks if track.expressions}
            stems = _link_fifths(video, root / folder / 'JPEGImages')
            for index, stem in enumerate(stems if split == 'train' else ()):
                path = root / folder / 'Annotations' / video.name / f'{stem}.png'
                write_object_ids(index_image(video, numbers, index), path)
            meta[video.name] = {
                'frames': stems,
                'expressions': _meta_expressions(numbers, split == 'train'),
            }
        path = root / 'meta_expressions' / folder / 'meta_expressions.json'
        write_json({'videos': meta}, path)
    write_json({'videos': {}}, root / 'meta_expressions/test/meta_expressions.json')


def _link_fifths(video: LabelledVideo, images: Path) -> list[str]:
    """Link the frames as 00000.jpg, 00005.jpg, ...; their names without suffix."""
    names = link_frames(video, images / video.name, step=FRAME_STEP)
    return [Path(name).stem for name in names]


def _meta_objects(
    video: LabelledVideo, stems: list[str], split: str, starts: dict[int, int]
) -> dict:
    """Of YouTube-VOS: in which frames an object is seen, or asked for."""
    objects = {}
    for track in video.tracks:
        wanted = track.visible.copy()
        if split != 'train':
            wanted[starts[track.id] :] = True
        objects[str(track.id)] = {
            'category': track.words['category'],
            'frames': [stem for stem, want in zip(stems, wanted) if want],
        }
    return objects


def _meta_expressions(numbers: dict[int, Track], with_object: bool) -> dict:
    entries = [
        {'exp': expression.text, 'kind': expression.kind}
        | ({'obj_id': str(number)} if with_object else {})
        for number, track in numbers.items()
        for expression in track.expressions
    ]
    return {str(i): entry for i, entry in enumerate(entries)}
