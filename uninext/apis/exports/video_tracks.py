"""Tracks of a video as tables, gathered from the results of its frames.

MOTChallenge's text and YouTube-VIS's results are made here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from uninext.apis.results import Result, category_ids_of
from uninext.formats.boxes import xyxy_to_xywh
from uninext.formats.mot_text import mot_line
from uninext.formats.rle import encode_mask


class Sighting(NamedTuple):
    """A track in one frame: its score in 0..1, and, if the model has them, its mask.

    Boxes are pixels of the frame, masks COCO RLE.
    """

    box_xywh: list[float]
    score: float
    mask: dict[str, Any] | None


@dataclass
class Track:
    """One object through a video.

    Attributes:
        prompt: Text of the prompt that asked for it first.
        sightings: Place of the frame, from 0 -> what was seen there.
        label_scores: Name -> sum of the scores under that name.
    """

    prompt: str
    sightings: dict[int, Sighting] = field(default_factory=dict)
    label_scores: dict[str, float] = field(default_factory=lambda: defaultdict(float))

    @property
    def label(self) -> str:
        """The name whose scores add up to the most."""
        return max(self.label_scores, key=self.label_scores.__getitem__)

    @property
    def score(self) -> float:
        """The mean of the scores."""
        return sum(self.label_scores.values()) / len(self.sightings)


class VideoTracks:
    """All tracks of one video, without its images.

    It grows with what is found, not with the pixels. Instances without a track (id
    -1: a tracker is not sure yet) are left out.

    Attributes:
        num_frames: Frames that were added.
        size_hw: Of the frames, in pixels; None before the first.
        categories: Name -> id from 1, of everything that was asked for.
        tracks: Id -> track.
    """

    def __init__(self, results: Sequence[Result] = ()) -> None:
        self.num_frames = 0
        self.size_hw: tuple[int, int] | None = None
        self.categories: dict[str, int] = {}
        self.tracks: dict[int, Track] = {}
        for result in results:
            self.add(result)

    def add(self, result: Result) -> None:
        """Take the next frame.

        Raises:
            ValueError: If it is a single image, or of another size than the first.
        """
        track_ids = _checked_tracks(result)
        size_hw = result.image.shape[:2]
        if self.size_hw not in (None, size_hw):
            raise ValueError(
                f'Frame {self.num_frames} is {size_hw[1]} x {size_hw[0]} (width x '
                f'height), the first was {self.size_hw[1]} x {self.size_hw[0]}. Tables '
                'of tracks have one size a video: give the parts one by one.'
            )
        self.size_hw = size_hw
        for name in result.categories:
            self.categories.setdefault(name, len(self.categories) + 1)
        boxes_xywh = xyxy_to_xywh(result.boxes_xyxy).tolist()
        labels, texts = result.labels, result.prompt_texts
        for i, track_id in enumerate(track_ids):
            if track_id < 0:
                continue
            track = self.tracks.setdefault(track_id, Track(texts[i]))
            mask = None if result.masks is None else encode_mask(result.masks[i])
            score = float(result.scores[i])
            track.sightings[self.num_frames] = Sighting(boxes_xywh[i], score, mask)
            track.label_scores[labels[i]] += score
        self.num_frames += 1


def _checked_tracks(result: Result) -> list[int]:
    """The n track ids of a frame."""
    if result.track_ids is None or result.frame is None:
        raise ValueError(
            'Tracks are written of the frames of a video, and these are single '
            'images. Give the inferencer a video, or as_video=True with a folder.'
        )
    return result.track_ids.tolist()


def to_mot_lines(results: Sequence[Result]) -> list[str]:
    """Tracks in the text format of MOTChallenge.

    Args:
        results: Frames of one video.

    Returns:
        Lines ``frame,id,x,y,w,h,score,class,-1,-1``; frames and ids from 1, pixels.
        The class is the number of :attr:`Result.categories`, -1 where there is but
        one. Ends of lines are not in them. Instances without a track (id -1) are left
        out.

    Raises:
        ValueError: If the results are of single images.
    """
    lines = []
    for result in results:
        boxes_xywh = xyxy_to_xywh(result.boxes_xyxy).tolist()
        numbers, labels = result.categories, result.labels
        for i, track in enumerate(_checked_tracks(result)):
            if track >= 0:
                label = numbers[labels[i]] if len(numbers) > 1 else -1
                box = [round(value, 2) for value in boxes_xywh[i]]
                lines.append(
                    mot_line(result.frame + 1, track + 1, box, result.scores[i], label)
                )
    return lines


def to_youtube_vis(
    results: Sequence[Result] | VideoTracks,
    video_id: int = 1,
    category_ids: Mapping[str, int] | None = None,
) -> list[dict[str, Any]]:
    """Tracks in the result format of YouTube-VIS.

    A track has the name whose scores add up to the most, and the mean of its scores.
    Instances without a track (id -1) are left out.

    Args:
        results: All frames of one video.
        video_id: Of the video.
        category_ids: Name -> id; None: :attr:`Result.categories`.

    Returns:
        A dict a track: ``video_id``, ``category_id``, ``score``, ``bboxes`` xywh and,
        with masks, ``segmentations`` RLE; one entry a frame, None where it is absent.

    Raises:
        ValueError: If the results are of single images, frames differ in size, or a
            name has no id.
    """
    video = gathered(results)
    ids = category_ids_of(video.categories, category_ids)
    records = []
    for _, track in sorted(video.tracks.items()):
        seen = [track.sightings.get(place) for place in range(video.num_frames)]
        record = dict(
            video_id=video_id,
            category_id=ids[track.label],
            score=track.score,
            bboxes=[s and s.box_xywh for s in seen],
        )
        if any(s and s.mask for s in seen):
            record['segmentations'] = [s and s.mask for s in seen]
        records.append(record)
    return records


def gathered(results: Sequence[Result] | VideoTracks) -> VideoTracks:
    """Tracks of the frames of one video, if they are not gathered yet."""
    return results if isinstance(results, VideoTracks) else VideoTracks(results)
