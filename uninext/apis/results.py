"""What was found in an image or frame, ready to be drawn, saved and exported.

The inferencer gives a :class:`Result`; it plots itself and writes JSON and COCO;
``uninext.apis.exports`` makes files of whole videos and sets.

Shape legend: n instances, (H, W) the image.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from uninext.formats.boxes import xyxy_to_xywh
from uninext.formats.rle import decode_segmentation, encode_mask
from uninext.visualization.drawing import DrawingScale, draw_instances
from uninext.visualization.labels import label_text, prompt_caption, prompt_notes
from uninext.visualization.lettering import add_caption
from uninext.visualization.palette import Color, instance_color, track_color


@dataclass(frozen=True)
class AskedPrompt:
    """A prompt as people read it.

    Attributes:
        text: The names, the expression, or the box; 'mask' for a mask.
        names: What the labels of its instances mean.
        single: Whether it asks for one object, of which the best prediction is
            reported, if it reaches the threshold.
        asked: Whether this frame was asked for it: prompts of a file come and go.
    """

    text: str
    names: tuple[str, ...]
    single: bool
    asked: bool = True


@dataclass(eq=False)
class Result:
    """What was found in one image or frame.

    Attributes:
        image: (H, W, 3) uint8 BGR, the image itself.
        prompts: Everything that is asked for, in this frame or in others.
        boxes_xyxy: (n, 4) float32, pixels of the image.
        scores: (n,) float32 in 0..1.
        label_ids: (n,) int64, index into the names of the instance's prompt.
        prompt_ids: (n,) int64, index into ``prompts``.
        track_ids: (n,) int64, the same for the same object all through a video; -1
            where a tracker is not sure yet; None in single images.
        masks: (n, H, W) bool; None if the model predicts none.
        path: File of the image; None if it came as an array or in a video.
        frame: Number of the frame from 0; None in single images.
        time: Of the frame, seconds from the beginning of its video; None in single
            images, and where the source does not tell.
    """

    image: np.ndarray
    prompts: tuple[AskedPrompt, ...]
    boxes_xyxy: np.ndarray
    scores: np.ndarray
    label_ids: np.ndarray
    prompt_ids: np.ndarray
    track_ids: np.ndarray | None = None
    masks: np.ndarray | None = None
    path: str | None = None
    frame: int | None = None
    time: float | None = None

    def __len__(self) -> int:
        return len(self.scores)

    def only(self, kept: np.ndarray) -> Result:
        """The same with some instances only; ``kept`` is (n,) bool, or indices."""
        arrays = ('boxes_xyxy', 'scores', 'label_ids', 'prompt_ids', 'track_ids')
        rows = {name: getattr(self, name) for name in (*arrays, 'masks')}
        return replace(
            self, **{k: v if v is None else v[kept] for k, v in rows.items()}
        )

    def __repr__(self) -> str:
        counts = Counter(self.labels)
        found = ', '.join(f'{count} {label}' for label, count in counts.items())
        where = self.path if self.frame is None else f'frame {self.frame}'
        absent = f'; not there: {", ".join(self.absent)}' if self.absent else ''
        return f'Result({where or "image"}: {found or "nothing found"}{absent})'

    @property
    def labels(self) -> list[str]:
        """n names: of the category, the expression, or 'target'."""
        return [
            self.prompts[prompt].names[label]
            for prompt, label in zip(self.prompt_ids, self.label_ids)
        ]

    @property
    def prompt_texts(self) -> list[str]:
        """n texts of the prompts that asked."""
        return [self.prompts[prompt].text for prompt in self.prompt_ids]

    @property
    def absent(self) -> list[str]:
        """Texts of expressions and targets that have no instance here.

        Their best prediction is below the threshold of their kind, or fits an excluded
        prompt better.
        """
        found = set(self.prompt_ids.tolist())
        return [
            prompt.text
            for i, prompt in enumerate(self.prompts)
            if prompt.single and prompt.asked and i not in found
        ]

    @property
    def categories(self) -> dict[str, int]:
        """Every name that was asked for -> its category id in exports, from 1."""
        names = (name for prompt in self.prompts for name in prompt.names)
        return {name: i for i, name in enumerate(dict.fromkeys(names), start=1)}

    # ------------------------------------------------------------------------ images

    def plot(self, with_prompts: bool = False) -> np.ndarray:
        """Draw masks, boxes, names, scores and track ids.

        A track keeps its colour through a video, a category in all images. Where
        several prompts have a name in common, their number stands behind it.

        Args:
            with_prompts: Put a bar with all prompts on top.

        Returns:
            (H, W, 3) uint8 BGR, a new image; higher by the bar.
        """
        image = cv2.cvtColor(self.image, cv2.COLOR_BGR2RGB)
        colors, texts = self.colors, self._captions()
        order = np.argsort(-self.scores, kind='stable').tolist()  # the best on top
        masks = None if self.masks is None else [self.masks[i] for i in order]
        image = draw_instances(
            image,
            self.boxes_xyxy[order],
            [texts[i] for i in order],
            [colors[i] for i in order],
            masks,
        )
        if with_prompts:
            caption = prompt_caption([prompt.text for prompt in self.prompts])
            font_size = DrawingScale.of(*image.shape[:2]).font_size
            image = add_caption(image, caption, font_size)
        return cv2.cvtColor(image, cv2.COLOR_RGB2BGR)

    def enlarged(self, times: float) -> Result:
        """The same on a larger image, where letters and lines are finer."""
        height, width = self.image.shape[:2]
        size_wh = round(times * width), round(times * height)
        masks = self.masks
        if masks is not None:
            # Linear, so that outlines are not stairs.
            soft = [cv2.resize(mask.astype(np.float32), size_wh) for mask in masks]
            masks = np.array(soft).reshape(-1, *size_wh[::-1]) > 0.5
        return replace(
            self,
            image=cv2.resize(self.image, size_wh, interpolation=cv2.INTER_CUBIC),
            boxes_xyxy=self.boxes_xyxy * np.float32(times),
            masks=masks,
        )

    def save(self, path: str | Path) -> Path:
        """Write the image of :meth:`plot`; folders are made.

        Args:
            path: Its suffix names the format, e.g. ``.jpg`` or ``.png``.

        Raises:
            ValueError: If the suffix is no format of images.
        """
        path = Path(path)
        if not path.suffix or not cv2.haveImageWriter(str(path)):
            raise ValueError(
                f'{path} has no suffix of an image: save to a .jpg or .png file. '
                'For metrics take to_json().'
            )
        path.parent.mkdir(parents=True, exist_ok=True)
        if not cv2.imwrite(str(path), self.plot()):
            raise ValueError(f'{path} cannot be written: is there room, and the right?')
        return path

    @property
    def colors(self) -> list[Color]:
        """(N,) RGB that :meth:`plot` paints: of the track, else of what was asked."""
        if self.track_ids is not None:
            return [track_color(track) for track in self.track_ids.tolist()]
        starts = np.cumsum([0, *(len(prompt.names) for prompt in self.prompts)])
        numbers = starts[self.prompt_ids] + self.label_ids  # a colour for all asked for
        return [instance_color(number) for number in numbers.tolist()]

    def _captions(self) -> list[str]:
        labels = self.labels
        tracks = [None] * len(labels) if self.track_ids is None else self.track_ids
        names = {i: prompt.names for i, prompt in enumerate(self.prompts)}
        notes = prompt_notes(names, self.prompt_ids.tolist(), labels)
        return [label_text(*p) for p in zip(labels, self.scores, tracks, notes)]

    # ------------------------------------------------------------------------- exports

    def to_dict(self) -> dict[str, Any]:
        """Everything but the image, of types that JSON knows; masks as COCO RLE."""
        height, width = self.image.shape[:2]
        instances = []
        for i, (label, text) in enumerate(zip(self.labels, self.prompt_texts)):
            instance = dict(
                label=label,
                score=float(self.scores[i]),
                box_xyxy=self.boxes_xyxy[i].tolist(),
                prompt_id=int(self.prompt_ids[i]),
                prompt=text,
            )
            if self.track_ids is not None:
                instance['track_id'] = int(self.track_ids[i])
            if self.masks is not None:
                instance['mask'] = encode_mask(self.masks[i])
            instances.append(instance)
        return dict(
            path=self.path,
            frame=self.frame,
            time=self.time,
            height=height,
            width=width,
            prompts=[prompt.text for prompt in self.prompts],
            absent=self.absent,
            instances=instances,
        )

    @classmethod
    def from_dict(
        cls,
        content: Mapping[str, Any],
        image: np.ndarray,
        prompts: Sequence[AskedPrompt],
    ) -> Result:
        """Undo :meth:`to_dict`; where nothing was found, ``masks`` has no row.

        Args:
            content: What it returned, or what JSON made of that.
            image: Of the result.
            prompts: Of the result.

        Raises:
            ValueError: If a mask is of another size than the image, or a label is none
                of its prompt's names.
        """
        found, size_hw = content['instances'], image.shape[:2]
        of_prompt = [one['prompt_id'] for one in found]
        pairs = zip(of_prompt, found)
        labels = [prompts[i].names.index(one['label']) for i, one in pairs]
        masks = [decode_segmentation(i['mask'], *size_hw) for i in found if 'mask' in i]
        boxes = np.array([one['box_xyxy'] for one in found], np.float32)
        tracks = None
        if content['frame'] is not None:
            tracks = np.array([one['track_id'] for one in found], np.int64)
        return cls(
            image=image,
            prompts=tuple(prompts),
            boxes_xyxy=boxes.reshape(-1, 4),
            scores=np.array([one['score'] for one in found], np.float32),
            label_ids=np.array(labels, np.int64),
            prompt_ids=np.array(of_prompt, np.int64),
            track_ids=tracks,
            masks=np.array(masks, bool).reshape(-1, *size_hw)
            if len(masks) == len(found)
            else None,
            path=content['path'],
            frame=content['frame'],
            time=content['time'],
        )

    def to_json(self, indent: int | None = None) -> str:
        """:meth:`to_dict` as text."""
        return json.dumps(self.to_dict(), indent=indent)

    def to_coco(
        self, image_id: int, category_ids: Mapping[str, int] | None = None
    ) -> list[dict[str, Any]]:
        """Detections in the result format of COCO.

        Args:
            image_id: Of the image.
            category_ids: Name -> id; None: :attr:`categories`.

        Returns:
            A dict an instance: ``image_id``, ``category_id``, ``bbox`` xywh, ``score``
            and, with masks, ``segmentation`` RLE.

        Raises:
            ValueError: If a name has no id.
        """
        ids = category_ids_of(self.categories, category_ids)
        records, boxes_xywh = [], xyxy_to_xywh(self.boxes_xyxy).tolist()
        for i, label in enumerate(self.labels):
            record = dict(
                image_id=image_id,
                category_id=ids[label],
                bbox=boxes_xywh[i],
                score=float(self.scores[i]),
            )
            if self.masks is not None:
                record['segmentation'] = encode_mask(self.masks[i])
            records.append(record)
        return records

    def to_supervision(self) -> Any:
        """``supervision.Detections``; ``class_id`` is from 0, names are in ``data``.

        Raises:
            ImportError: If the package is not installed.
        """
        try:
            import supervision
        except ImportError as error:
            raise ImportError(
                f'to_supervision() needs the package supervision ({error}): '
                'pip install supervision. The arrays themselves are in boxes_xyxy, '
                'scores and masks.'
            ) from error
        labels = self.labels
        return supervision.Detections(
            xyxy=self.boxes_xyxy,
            mask=self.masks,
            confidence=self.scores,
            class_id=np.array([self.categories[n] - 1 for n in labels], dtype=np.int64),
            tracker_id=self.track_ids,
            data=dict(class_name=np.array(labels, dtype=str)),
        )


def category_ids_of(
    categories: Mapping[str, int], category_ids: Mapping[str, int] | None
) -> Mapping[str, int]:
    """Name -> id in an export: ``category_ids``, or ``categories`` without them.

    Raises:
        ValueError: If one of ``categories`` has no id.
    """
    if category_ids is None:
        return categories
    absent = [name for name in categories if name not in category_ids]
    if absent:
        raise ValueError(
            f'category_ids has no id for {absent}; it has {sorted(category_ids)}. Give '
            'an id for every name that was asked for.'
        )
    return category_ids
