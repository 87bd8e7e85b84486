"""Videos of objects with categories: one sample per video, in tests per frame."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from uninext.datasets.detection import PromptCocoDataset, some_names
from uninext.datasets.index_file import SampleIndex
from uninext.datasets.video_annotation import VideoAnnotation
from uninext.formats.errors import DatasetError
from uninext.formats.youtube_vis import checked_videos
from uninext.registry import DATASETS
from uninext.structures import Prompt, PromptStart


@DATASETS.register_module()
class VideoInstanceDataset(PromptCocoDataset):
    """Videos with boxes, ids and perhaps masks, in the layout of YouTube-VIS.

    Reads YouTube-VIS 2019 and 2021 and OVIS as they are downloaded, and what the
    converters of ``tools/dataset_converters`` write (BDD100K, MOT17, ...). Differs from
    :class:`PromptCocoDataset` in that a sample is a video: it has ``video``
    (:class:`VideoAnnotation`), ``video_id`` and ``classes``, and no boxes yet.

    In training, videos of which no pair can be made (:meth:`has_pair`) are left out,
    among them those without objects, so ``filter_cfg`` takes no
    ``filter_empty_gt=False``; its ``min_size`` is of a video's frames.

    In test mode all videos stay, the file may lack annotations, and a sample is a
    frame: the frames of the first video in order, then those of the second, ... It
    carries ``img_path, height, width, instances, has_masks`` (ground truth, as far as
    known, in pixels of the file), ``video_id, video_name, frame_id, video_length,
    set_name``, and ``prompt_starts``: a list of :class:`PromptStart`, what is asked for
    from this frame on; here the names of the classes in frame 0. ``indices`` and
    subsets count videos.

    Args:
        *args: Of mmdet's ``CocoDataset`` (``ann_file``, ``data_root``, ...).
        set_name: Told to metrics that evaluate several sets apart.
        **kwargs: Of mmdet's ``CocoDataset``.

    Raises:
        DatasetError: If the files are not what is expected.
    """

    NO_PAIR = 'objects in one frame only'  # what has_pair misses

    def __init__(self, *args: Any, set_name: str | None = None, **kwargs: Any) -> None:
        self.set_name = set_name
        self._video_starts: np.ndarray | None = None
        self._last_video: tuple[int, dict] | None = None  # frames come in order
        super().__init__(*args, **kwargs)

    def __len__(self) -> int:
        return int(self.video_starts[-1]) if self.test_mode else super().__len__()

    @property
    def video_starts(self) -> np.ndarray:
        """(V + 1,) int64, test mode: the index of each video's first frame; the end."""
        if self._video_starts is None:
            self._video_starts = np.cumsum([0, *map(len, self._videos())])
        return self._video_starts

    def video_of(self, idx: int) -> tuple[int, int]:
        """Test mode: the position of a frame's video, and of the frame in it.

        Raises:
            IndexError: If there is no such frame.
        """
        if not 0 <= idx < len(self):
            raise IndexError(f'There is no frame {idx} among {len(self)}.')
        starts = self.video_starts
        video = int(np.searchsorted(starts, idx, side='right')) - 1
        return video, idx - int(starts[video])

    def get_data_info(self, idx: int) -> dict:
        """The sample before the pipeline."""
        if not self.test_mode:
            return super().get_data_info(idx)
        position, index = self.video_of(idx)
        if self._last_video is None or self._last_video[0] != position:
            self._last_video = position, super().get_data_info(position)
        info = self._last_video[1]
        video = info['video']
        extra = {k: v for k, v in info.items() if k not in ('video', 'sample_idx')}
        return dict(
            **video.frame(index),
            **extra,
            video_length=len(video),
            set_name=self.set_name,
            sample_idx=idx,
            prompt_starts=self.prompt_starts(info, index),
        )

    def prompt_starts(self, info: dict, index: int) -> list[PromptStart]:
        """What is asked for from this very frame on; here all classes in the first."""
        if index:
            return []
        return [PromptStart(Prompt.from_categories(self._metainfo['classes']))]

    def _adopt(self, index: SampleIndex) -> None:
        super()._adopt(index)
        if self.test_mode:  # it is of videos, samples are frames
            self._sampling_table = None

    def _forget(self) -> None:
        super()._forget()
        self._video_starts = self._last_video = None

    def load_data_list(self) -> Iterator[dict]:
        """Read and check the annotations; one dictionary per sample."""
        content = checked_videos(self.read_content(), self.ann_file, not self.test_mode)
        content = self.prepare_content(content)
        self.cat2label = self._labels_of_categories(content)
        self.cat_ids = list(self.cat2label)
        annotations = defaultdict(list)
        for annotation in content.pop('annotations'):  # memory: freed video by video
            annotations[annotation['video_id']].append(annotation)
        num_nowhere = 0
        for record in content['videos']:
            mine = [
                annotation
                for annotation in annotations.pop(record['id'], [])
                if annotation['category_id'] in self.cat2label
            ]
            samples = self.samples_of_video(record, mine)
            num_nowhere += len(mine) - (len(samples[0]['video'].ids) if samples else 0)
            yield from samples
        self._leave_out(num_nowhere, 'objects are visible in no frame of their video')
        self._leave_out(
            sum(map(len, annotations.values())),
            f'annotations belong to {len(annotations)} videos that are not listed',
        )

    def prepare_content(self, content: dict[str, list]) -> dict[str, list]:
        """Change the checked content before samples are made; here not at all."""
        return content

    def samples_of_video(self, record: dict, annotations: list[dict]) -> list[dict]:
        """Samples made from one record of ``videos`` and its annotations; here one."""
        video = VideoAnnotation.from_records(
            record,
            annotations,
            self.cat2label,
            self.image_folder,
            self.ann_file,
            for_evaluation=self.test_mode,
        )
        sample = dict(video=video, video_id=record['id'])
        if 'name' in record:
            sample['video_name'] = record['name']
        return [sample]

    def filter_data_list(self, samples: Iterable[dict]) -> Iterator[dict]:
        """Leave out videos that are too small or have no pair; none in test mode.

        Raises:
            DatasetError: If nothing is left, or ``filter_cfg`` asks for what cannot be.
        """
        if self.test_mode:
            yield from samples
            return
        cfg = self._checked_filter_cfg(min_size=0, filter_empty_gt=True)
        if not cfg['filter_empty_gt']:
            raise DatasetError(
                f'filter_cfg of {self.ann_file} has filter_empty_gt=False, but no pair '
                'can be made of a video without objects. Leave the key out.'
            )
        min_size = cfg['min_size']
        num_small = num_empty = num_single = num_kept = 0
        for info in samples:
            video = info['video']
            if min(video.height, video.width) < min_size:
                num_small += 1
            elif not video.shown.any():
                num_empty += 1
            elif not self.has_pair(video):
                num_single += 1
            else:
                num_kept += 1
                yield info
        if not num_kept:
            num_large = num_empty + num_single
            raise DatasetError(
                f'No sample is left of the {num_small + num_large} of {self.ann_file}: '
                f'of the classes {some_names(self.metainfo["classes"])}, {num_large} '
                f'videos with sides of at least {min_size} pixels show no object or '
                f'{self.NO_PAIR}.'
            )
        self._leave_out(num_small, f'videos have a side below {min_size}')
        self._leave_out(num_empty, 'videos show no object in any frame')
        self._leave_out(num_single, f'videos show {self.NO_PAIR}')

    def has_pair(self, video: VideoAnnotation) -> bool:
        """Whether training can make a pair: two frames with objects.

        The only frame of a video makes a pair with itself, as an image does.
        """
        return len(video) == 1 or int(video.shown.sum()) > 1

    def probed_path(self, info: dict) -> str:
        """The middle frame of a video, whose presence on disk is looked at."""
        return info['video'].path(len(info['video']) // 2)

    def _videos(self) -> Iterator[VideoAnnotation]:
        for position in range(self._num_stored):
            yield self._stored(position)['video']
