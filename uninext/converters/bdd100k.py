"""Write the four sets of BDD100K in the layouts that the datasets read.

COCO files for the image sets, video JSON for the tracking sets.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from pycocotools import mask as mask_utils

from uninext.converters.report import ConversionReport, progress_bar
from uninext.converters.video_json import (
    Track,
    VideoConversion,
    VideoJson,
    image_size,
)
from uninext.formats.boxes import cut_box
from uninext.formats.errors import DatasetError
from uninext.formats.json_file import write_json
from uninext.formats.scalabel import (
    BDD_DETECTION,
    BDD_SIZE_WH,
    BDD_THINGS,
    ScalabelFrame,
    ScalabelObject,
    find_label_files,
    mask_to_rle,
    read_label_file,
)
from uninext.utils.image_files import list_images


@dataclass(frozen=True)
class BDDSet:
    """One of the sets of BDD100K.

    Attributes:
        name: What it is called in file names.
        labels: Places of its labels below ``labels/`` of the download; the first that
            exists is read. RLE come first: they are the bitmasks, in less space.
        images: Folder of its images below the download.
        categories: Its classes; their ids count from 1.
        with_masks: Whether an object without a mask is left out.
        in_videos: Whether its frames belong to videos.
    """

    name: str
    labels: tuple[str, ...]
    images: str
    categories: tuple[str, ...] = BDD_THINGS
    with_masks: bool = False
    in_videos: bool = False


_MASK_KINDS = ('rles', 'bitmasks', 'polygons')
BDD_SETS = {
    'det': BDDSet(
        'det',
        ('det_20/det_{split}.json',),
        'images/100k/{split}',
        categories=BDD_DETECTION,
    ),
    'ins_seg': BDDSet(
        'ins_seg',
        (
            'ins_seg/rles/ins_seg_{split}.json',
            'ins_seg/bitmasks/{split}',
            'ins_seg/polygons/ins_seg_{split}.json',
        ),
        'images/10k/{split}',
        with_masks=True,
    ),
    'box_track': BDDSet(
        'box_track', ('box_track_20/{split}',), 'images/track/{split}', in_videos=True
    ),
    'seg_track': BDDSet(
        'seg_track',
        tuple(f'seg_track_20/{kind}/{{split}}' for kind in _MASK_KINDS),
        'images/seg_track_20/{split}',
        with_masks=True,
        in_videos=True,
    ),
}


@dataclass
class ImageConversion(ConversionReport):
    """What the conversion of an image set read and left out.

    Attributes:
        images: Images written.
        objects: Objects to be found.
        masks: How many annotations have a mask.
        ignored: Annotations written with ``iscrowd`` 1.
    """

    images: int = 0
    objects: int = 0
    masks: int = 0
    ignored: int = 0

    def found(self) -> list[str]:
        """Lines that say what was written."""
        return [
            f'{self.images} images; {self.objects} objects, {self.ignored} '
            f'more to be ignored; {self.masks} masks'
        ]


def find_bdd100k_labels(root: str | Path, bdd_set: BDDSet, split: str) -> Path:
    """Where the labels of a set lie, below ``labels/`` of the download ``root``.

    Raises:
        DatasetError: If none of its places exists.
    """
    places = [
        Path(root) / 'labels' / place.format(split=split) for place in bdd_set.labels
    ]
    for path in places:
        if path.exists():
            return path
    raise DatasetError(
        f'The labels of {bdd_set.name} were not found: '
        f'{" and ".join(map(str, places))} do not exist. Unpack the download of '
        'BDD100K so that one of them does.'
    )


def convert_bdd100k(
    labels: str | Path,
    out_file: str | Path,
    bdd_set: BDDSet,
    images: str | Path | None = None,
    strict: bool = False,
    progress: bool = True,
) -> VideoConversion | ImageConversion:
    """Convert the labels of one set.

    By BDD100K's own rules: older names of classes are replaced (person -> pedestrian,
    bike -> bicycle, motor -> motorcycle, van and caravan -> car); crowds, and objects
    of the classes other person, other vehicle and trailer (written as pedestrian, car
    and truck), get ``iscrowd`` 1; boxes include their last pixel. Boxes are cut to
    the frame, but those of ``box_track`` (evaluated as labelled, cut for training). An
    object keeps one annotation over its video; frames in which it is ignored make a
    second one.

    Args:
        labels: JSON file, folder of JSON files, or folder of bitmasks.
        out_file: File to write.
        bdd_set: One of :data:`BDD_SETS`.
        images: Folder of the images. Given, images that are not there are left out
            and sizes come from the images; None believes the labels, and takes
            1280 x 720 where they name no size.
        strict: Raise instead of leaving out.
        progress: Show a progress bar.

    Raises:
        DatasetError: If the labels are absent or not in the layout.
    """
    images = None if images is None else Path(images)
    if images is not None and not images.is_dir():
        raise DatasetError(
            f'The image folder {images} does not exist. Download the images of '
            f'{bdd_set.name}, or convert the labels alone (--labels-only).'
        )
    try:
        files = find_label_files(labels)
        convert = _convert_videos if bdd_set.in_videos else _convert_images
        return convert(files, Path(out_file), bdd_set, images, strict, progress)
    except DatasetError:
        raise
    except ValueError as error:
        raise DatasetError(str(error)) from error


def _convert_images(
    files: Sequence[Path],
    out_file: Path,
    bdd_set: BDDSet,
    folder: Path | None,
    strict: bool,
    progress: bool,
) -> ImageConversion:
    conversion = ImageConversion(strict=strict)
    images: list[dict] = []
    annotations: list[dict] = []
    frames = [
        frame
        for file in files
        for frame in read_label_file(file, bdd_set.categories, in_videos=False)
    ]
    for frame in progress_bar(frames, 'images', progress):
        size_wh = _image_size(frame, folder, conversion)
        if size_wh is None:
            continue
        width, height = size_wh
        image = dict(
            id=len(images) + 1, file_name=frame.name, width=width, height=height
        )
        images.append(image)
        for obj, box_xywh, mask in _usable(frame, size_wh, bdd_set, conversion):
            annotation = dict(
                id=len(annotations) + 1,
                image_id=image['id'],
                category_id=bdd_set.categories.index(obj.category) + 1,
                iscrowd=int(obj.ignored),
                bbox=box_xywh,
                area=box_xywh[2] * box_xywh[3],
            )
            if mask is not None:
                annotation['segmentation'] = mask
                annotation['area'] = float(mask_utils.area(mask_to_rle(mask, size_wh)))
            annotations.append(annotation)
            conversion.objects += not obj.ignored
            conversion.ignored += obj.ignored
            conversion.masks += mask is not None
    conversion.images = len(images)
    if not images:
        raise DatasetError(
            f'Nothing to write to {out_file}: no usable image was found.\n'
            + conversion.summary('Found')
        )
    categories = [dict(id=i, name=n) for i, n in enumerate(bdd_set.categories, start=1)]
    content = dict(images=images, annotations=annotations, categories=categories)
    write_json(content, out_file)
    return conversion


def _image_size(
    frame: ScalabelFrame, folder: Path | None, conversion: ImageConversion
) -> tuple[int, int] | None:
    """Width and height of an image; None, counted, if it cannot be read."""
    if folder is None:
        return frame.size_wh or BDD_SIZE_WH
    path = folder / frame.name
    if not path.is_file():
        conversion.skip('image that is not on the disk', path)
        return None
    return image_size(path, conversion, 'image that cannot be read')


def _convert_videos(
    files: Sequence[Path],
    out_file: Path,
    bdd_set: BDDSet,
    folder: Path | None,
    strict: bool,
    progress: bool,
) -> VideoConversion:
    video_json = VideoJson(bdd_set.categories, strict, progress)
    conversion = video_json.conversion
    for file in video_json.each(files, 'label files'):
        frames = sorted(
            read_label_file(file, bdd_set.categories), key=lambda f: (f.video, f.index)
        )
        for name, group in groupby(frames, key=lambda frame: frame.video):
            if not name:
                raise DatasetError(
                    f'{file} has frames without "videoName": these are labels of '
                    f'images, not of {bdd_set.name}.'
                )
            kept, size_wh = _frames_on_disk(list(group), folder, conversion)
            video_json.add(
                [f'{name}/{frame.name}' for frame in kept],
                size_wh,
                _tracks(kept, size_wh, bdd_set, conversion),
                require_object=False,
                name=name,
            )
    return video_json.save(out_file)


def _frames_on_disk(
    frames: list[ScalabelFrame], folder: Path | None, conversion: VideoConversion
) -> tuple[list[ScalabelFrame], tuple[int, int]]:
    """The frames of a video that exist, and their width and height."""
    size_wh = frames[0].size_wh or BDD_SIZE_WH
    if folder is None:
        return frames, size_wh
    video = frames[0].video
    present = {path.name for path in list_images(folder / video)}
    kept = []
    for frame in frames:
        if frame.name in present:
            kept.append(frame)
        else:
            conversion.skip(
                'frame that is not on the disk', folder / video / frame.name
            )
    if not kept:
        return [], size_wh
    found = image_size(folder / video / kept[0].name, conversion)
    return ([], size_wh) if found is None else (kept, found)


def _tracks(
    frames: list[ScalabelFrame],
    size_wh: tuple[int, int],
    bdd_set: BDDSet,
    conversion: VideoConversion,
) -> list[Track]:
    """One track for each id, and a second for the frames in which it is ignored."""
    tracks: dict[tuple[str, bool], Track] = {}  # id, ignored
    named: dict[tuple[str, bool], Counter[str]] = {}
    for place, frame in enumerate(frames):
        for obj, box_xywh, mask in _usable(frame, size_wh, bdd_set, conversion):
            if obj.id is None:
                raise DatasetError(
                    f'{frame.video}/{frame.name}: a label of {obj.category} has no '
                    '"id", without which there is no track.'
                )
            key = (obj.id, obj.ignored)
            if key not in tracks:
                tracks[key] = Track(
                    bboxes=[None] * len(frames),
                    segmentations=[None] * len(frames) if bdd_set.with_masks else None,
                    iscrowd=int(obj.ignored),
                    extra=dict(object_id=obj.id, considered=int(not obj.ignored)),
                )
                named[key] = Counter()
            if tracks[key].bboxes[place] is not None:
                where = f'{frame.video}/{frame.name}'
                conversion.skip('second object of the same id in a frame', where)
                continue
            named[key][obj.category] += 1
            tracks[key].bboxes[place] = box_xywh
            segmentations = tracks[key].segmentations
            if segmentations is not None:
                segmentations[place] = mask
    for key, counts in named.items():
        # a few tracks change their class: they keep the one they mostly have
        category = counts.most_common(1)[0][0]
        tracks[key].category_id = bdd_set.categories.index(category) + 1
    return list(tracks.values())


def _usable(
    frame: ScalabelFrame,
    size_wh: tuple[int, int],
    bdd_set: BDDSet,
    conversion: VideoConversion | ImageConversion,
) -> Iterator[tuple[ScalabelObject, list[float], list | dict | None]]:
    """Objects with their box [x, y, w, h] and, in sets with masks, their mask."""
    for obj in frame.objects:
        where = f'{frame.name}, object {obj.id}'
        if obj.category not in bdd_set.categories:
            conversion.skip(f'object of the class {obj.category}', where)
            continue
        mask = obj.mask if bdd_set.with_masks else None
        box_xyxy = obj.box_xyxy
        if mask is not None:
            if isinstance(mask, dict) and tuple(mask['size']) != size_wh[::-1]:
                conversion.skip('mask of another size than its image', where)
                continue
            x, y, width, height = mask_utils.toBbox(mask_to_rle(mask, size_wh)).tolist()
            box_xyxy = (x, y, x + width, y + height)
        if bdd_set.with_masks and mask is None and not obj.ignored:
            conversion.skip('object without a mask', where)
        elif box_xyxy is None:
            conversion.skip('object without a box', where)
        elif (box_xywh := cut_box(box_xyxy, size_wh)) is None:
            conversion.skip('object outside the frame', where)
        else:
            if bdd_set.in_videos and not bdd_set.with_masks:
                # evaluated as labelled; datasets cut boxes for training
                x1, y1, x2, y2 = box_xyxy
                box_xywh = [x1, y1, x2 - x1, y2 - y1]
            yield obj, box_xywh, mask
