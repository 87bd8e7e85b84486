"""The whole suite: images and videos for ten tasks, in all layouts, converted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from uninext import converters as conv
from uninext.shapes.image_set import generate_image_set
from uninext.shapes.layouts import (
    box_videos,
    image_sets,
    json_videos,
    mask_videos,
)
from uninext.shapes.video_labels import LabelledVideo
from uninext.shapes.video_set import (
    CROWD,
    SCENE,
    generate_videos,
    write_video_set,
)
from uninext.shapes.vocabulary import CATEGORIES, SPLITS

Report = Callable[[str], None]
Videos = dict[str, list[LabelledVideo]]


@dataclass(frozen=True)
class ShapesSuite:
    """What has been generated.

    Attributes:
        root: Folder of the direct form; layouts go into folders of it.
        scenes: Split -> videos with a few objects.
        crowds: Split -> videos with many.
    """

    root: Path
    scenes: Videos
    crowds: Videos


Layout = Callable[[ShapesSuite, Path, Report], None]


def generate_suite(
    out_dir: str | Path,
    num_images: Sequence[int],
    num_videos: Sequence[int],
    size_wh: tuple[int, int] = (320, 240),
    length: int = 24,
    seed: int = 0,
    hand_camera: bool = True,
    layouts: Iterable[str] = (),
    report: Report = print,
) -> ShapesSuite:
    """Generate images and videos, write them, and convert the layouts.

    For two videos of scenes there is one of a crowd, at least one.

    Args:
        out_dir: Folder to write into; made if absent.
        num_images: Images to train on, to validate on and to test on; 0 for a
            test split leaves it out.
        num_videos: The same of videos of scenes; ``(0, 0, 0)``: no videos.
        size_wh: Of all, pixels, at least 64.
        length: Frames of a video.
        seed: Of everything.
        hand_camera: Let the camera of every second video tremble.
        layouts: Some of :data:`LAYOUTS`.
        report: Called with lines for people.

    Raises:
        ValueError: If a number or a layout is not possible.
    """
    layouts = list(layouts)
    unknown = [name for name in layouts if name not in LAYOUTS]
    if unknown:
        raise ValueError(f'layout must be of {list(LAYOUTS)}, got {unknown}.')
    num_images, num_videos = (
        tuple(n) + (0,) * (3 - len(n)) for n in (num_images, num_videos)
    )
    if layouts and min(num_videos[:2]) < 1:
        raise ValueError('Layouts need at least 1 video to train and 1 to validate on.')
    root = Path(out_dir)
    counts = generate_image_set(root, *num_images[:2], size_wh, seed, num_images[2])
    for split in SPLITS:
        if f'{split}_images' in counts:
            report(
                f'{root}/{split}: {counts[f"{split}_images"]} images, '
                f'{counts[f"{split}_objects"]} objects, '
                f'{counts[f"{split}_expressions"]} expressions'
            )
    options = dict(size_wh=size_wh, length=length, seed=seed, hand_camera=hand_camera)
    suite = ShapesSuite(root, {}, {})
    for split, count in zip(SPLITS, num_videos):
        if not count:
            continue
        generate = partial(generate_videos, root, split, **options)
        suite.scenes[split] = generate(count=count, style=SCENE)
        suite.crowds[split] = generate(count=max(1, count // 2), style=CROWD)
        files = write_video_set(root, split, suite.scenes[split], suite.crowds[split])
        for path, conversion in files.items():
            report(conversion.summary(path))
    for name in layouts:
        LAYOUTS[name](suite, root / FOLDERS.get(name, name), report)
    return suite


def _images(write: Callable[[Path, Path], None]) -> Layout:
    """A layout of images that is read as it is."""

    def layout(suite: ShapesSuite, root: Path, report: Report) -> None:
        write(root, suite.root)
        report(f'{root}: needs no conversion')

    return layout


def _refer(suite: ShapesSuite, root: Path, report: Report) -> None:
    """The sets of REFER; the converted files and images belong to COCO."""
    coco = suite.root / 'coco'
    image_sets.write_refer(root, suite.root, coco / 'train2014')
    to_mix = []
    for refer_set in conv.REFER_SETS:
        splits = conv.convert_refer(root, refer_set, progress=False)
        if refer_set.in_mix:
            to_mix.append(splits)
        for split, conversion in splits.items():
            path = coco / 'annotations' / refer_set.name / f'instances_{split}.json'
            conv.write_json(conv.to_coco(conversion), path)
            report(conversion.summary(str(path)))
    mixed = conv.mix_train_splits(to_mix)
    path = coco / 'annotations' / conv.MIXED_NAME / 'instances_train.json'
    conv.write_json(conv.to_coco(mixed), path)
    report(mixed.summary(str(path)))


def _bdd100k(suite: ShapesSuite, root: Path, report: Report) -> None:
    image_sets.write_bdd100k_images(root, suite.root)
    json_videos.write_bdd100k_videos(root, suite.crowds)
    for bdd_set in conv.BDD_SETS.values():
        bdd_set = replace(bdd_set, categories=CATEGORIES)
        for split in ('train', 'val'):
            path = root / 'annotations' / f'{bdd_set.name}_{split}.json'
            conversion = conv.convert_bdd100k(
                conv.find_bdd100k_labels(root, bdd_set, split),
                path,
                bdd_set,
                images=root / bdd_set.images.format(split=split),
                strict=True,
                progress=False,
            )
            report(conversion.summary(path))


def _videos(
    write: Callable[[Path, Videos], None],
    converter: str | None = None,
    splits: Sequence[str] = ('train', 'val'),
    crowds: bool = False,
) -> Layout:
    """A layout of videos, of crowds or scenes.

    ``converter`` is a key of ``VIDEO_SETS`` and ``splits`` are its; without one, files
    are read as they are.
    """

    def layout(suite: ShapesSuite, root: Path, report: Report) -> None:
        write(root, suite.crowds if crowds else suite.scenes)
        if converter is None:
            report(f'{root}: needs no conversion')
            return
        for split in splits:
            path = root / 'annotations' / f'{split}.json'
            convert = conv.VIDEO_SETS[converter].convert
            found = convert(root, path, split=split, strict=True, progress=False)
            report(found.summary(path))

    return layout


# Name, which is the folder below the root if FOLDERS has no other -> what fills it. The
# configs name these folders so, below data/.
LAYOUTS: dict[str, Layout] = {
    'coco': _images(image_sets.write_coco),
    'refer': _refer,
    'objects365': _images(image_sets.write_objects365),
    'lasot': _videos(box_videos.write_lasot, 'lasot', ('train', 'test')),
    'got10k': _videos(box_videos.write_got10k, 'got10k', ('train', 'val', 'test')),
    'trackingnet': _videos(
        box_videos.write_trackingnet, 'trackingnet', ('train', 'test')
    ),
    'ytvos18': _videos(
        mask_videos.write_youtube_vos, 'youtube-vos', ('train', 'valid')
    ),
    'davis17': _videos(mask_videos.write_davis, 'davis2017'),
    'refytvos': _videos(
        mask_videos.write_ref_youtube_vos, 'ref-youtube-vos', ('train', 'valid')
    ),
    'ytvis_2019': _videos(partial(json_videos.write_instances, 'ytvis_2019')),
    'ytvis_2021': _videos(partial(json_videos.write_instances, 'ytvis_2021')),
    'ovis': _videos(partial(json_videos.write_instances, 'ovis'), crowds=True),
    'bdd100k': _bdd100k,
}
FOLDERS = {'objects365': 'Objects365/Obj365_v2'}
