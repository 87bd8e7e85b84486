"""Where the samples of a dataset are held: mapped from an index, or in memory."""

from __future__ import annotations

import copy
import gc
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from mmengine.dataset import BaseDataset
from mmengine.logging import print_log

from uninext.datasets.image_files import check_image_files, probed_places
from uninext.datasets.index_file import SampleIndex, read_index, sample_at
from uninext.datasets.sample_codec import EncodingError, encode_sample
from uninext.datasets.sampling_table import SamplingTable
from uninext.datasets.shared_index import index_key, shared_index
from uninext.formats.errors import DatasetError

# Attributes of a dataset that its samples, as they are stored, do not depend on.
NO_OPTIONS = {
    *('pipeline', 'data_list', 'serialize_data', 'max_refetch', 'set_name', '_indices'),
    *('_unreadable', 'left_out', '_fully_initialized', 'return_classes'),
    *('_sampling_table', '_index_path', '_video_starts', '_last_video'),
}


class IndexedSamples(BaseDataset):
    """A dataset whose samples lie end to end in two arrays, as bytes.

    Differs from mmengine's :class:`BaseDataset` in that the bytes are no pickles, and
    are mapped from a file (:mod:`uninext.datasets.shared_index`) where the class says
    what files it reads. So ranks and workers share them, and a start reads nothing.
    Workers that are spawned map the file again.

    A subclass has ``load_data_list`` and ``filter_data_list``, which give samples one
    by one, and ``probed_path``.
    """

    backend_args: dict[str, Any] | None
    cat2label: dict[Any, int]

    def full_init(self) -> None:
        """Read and check the annotations, or map their index; probe the images."""
        if self._fully_initialized:
            return
        self._unreadable: set[str] = set()
        self._sampling_table: SamplingTable | None = None
        self.left_out: dict[str, int] = {}
        self._index_path: str | None = None
        if self.serialize_data:
            key = index_key(type(self), self.indexed_files(), self._index_options())
            self._adopt(
                shared_index(self.ann_file, key, self._build_index)
                if key
                else self._build_index()
            )
        else:
            self.data_list = list(self._kept_samples())
        self._say_left_out()
        chosen: Sequence[int] = range(self._num_stored)
        if self._indices is not None:
            chosen = _places(self._indices, chosen)
        if self.backend_args is None:
            probed = [self._stored(chosen[i]) for i in probed_places(len(chosen))]
            check_image_files(list(map(self.probed_path, probed)), self.ann_file)
        self._fully_initialized = True
        if self._indices is not None:
            self.get_subset_(chosen)

    def indexed_files(self) -> list[str]:
        """The files that samples are made of; none if there are others, or unknown."""
        return []

    def probed_path(self, info: dict) -> str:
        """An image of a stored sample, whose presence on disk is looked at."""
        raise NotImplementedError

    def sampling_table(self) -> SamplingTable:
        """What the batch sampler needs to know of every sample, without loading it."""
        self.full_init()
        if self._sampling_table is None:
            infos = (self.get_data_info(i) for i in range(len(self)))
            self._sampling_table = SamplingTable.from_infos(infos)
        return self._sampling_table

    def get_subset_(self, indices: int | Sequence[int]) -> None:
        """Keep only these samples, in place."""
        super().get_subset_(indices)
        self._forget()

    def get_subset(self, indices: int | Sequence[int]) -> IndexedSamples:
        """A dataset of only these samples."""
        subset = super().get_subset(indices)
        subset._forget()
        return subset

    def __getstate__(self) -> dict[str, Any]:
        """Without what is mapped from a file."""
        state = dict(self.__dict__)
        if state.get('_index_path'):
            for mapped in ('data_bytes', 'data_address', '_sampling_table'):
                del state[mapped]
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Map again what was mapped, in a process of its own."""
        self.__dict__.update(state)
        if state.get('_index_path'):
            self._adopt(read_index(state['_index_path']))

    def _forget(self) -> None:
        """Drop what was derived from all samples."""
        self._sampling_table = self._index_path = None

    @property
    def _num_stored(self) -> int:
        """Number of samples as they are stored: images or videos."""
        return len(self.data_address if self.serialize_data else self.data_list)

    def _stored(self, position: int) -> dict:
        """A sample as it is stored: of an image or a video."""
        position = range(self._num_stored)[position]  # negative ones count from behind
        if self.serialize_data:
            return sample_at(self.data_bytes, self.data_address, position)
        return copy.deepcopy(self.data_list[position])

    def _kept_samples(self) -> Iterator[dict]:
        with _paused_gc():
            yield from self.filter_data_list(self.load_data_list())

    def _build_index(self) -> SampleIndex:
        """Read the annotations into an index in memory."""
        blobs: list[bytes] = []

        def encoded() -> Iterator[dict]:
            for sample in self._kept_samples():
                try:
                    blobs.append(encode_sample(sample))
                except EncodingError as error:
                    raise DatasetError(
                        f'{self.ann_file}: sample {len(blobs)} {error}. Samples hold '
                        'texts, finite numbers, lists, and dictionaries with texts as '
                        'keys.'
                    ) from None
                yield sample

        table = SamplingTable.from_infos(encoded())
        facts = dict(
            classes=list(self._metainfo['classes']),
            cat2label=list(self.cat2label.items()),
            left_out=self.left_out,
        )
        ends = np.cumsum(list(map(len, blobs)), dtype=np.int64)
        data = np.frombuffer(b''.join(blobs), dtype=np.uint8)
        return SampleIndex(facts, dict(data=data, ends=ends, **vars(table)))

    def _adopt(self, index: SampleIndex) -> None:
        """Take an index, built or mapped, as the samples."""
        arrays = dict(index.arrays)
        self.data_bytes, self.data_address = arrays.pop('data'), arrays.pop('ends')
        self._sampling_table = SamplingTable(**arrays)
        self._metainfo['classes'] = tuple(index.facts['classes'])
        self.cat2label = dict(map(tuple, index.facts['cat2label']))
        self.cat_ids = list(self.cat2label)
        self.left_out = index.facts['left_out']
        self._index_path = index.path

    def _index_options(self) -> dict[str, Any]:
        """Attributes that samples may depend on: all but these."""
        return {k: v for k, v in vars(self).items() if k not in NO_OPTIONS}

    def _leave_out(self, count: int, what: str) -> None:
        if count:
            self.left_out[what] = self.left_out.get(what, 0) + count

    def _say_left_out(self) -> None:
        if self.left_out:
            counts = '; '.join(
                f'{count} {what}' for what, count in self.left_out.items()
            )
            print_log(
                f'{self.ann_file}: {self._num_stored} samples. Left out: {counts}.',
                logger='current',
                level=logging.WARNING,
            )


@contextmanager
def _paused_gc() -> Iterator[None]:
    """Hold garbage collection, which is slow beside millions of small objects."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _places(indices: int | Sequence[int], places: Sequence[int]) -> list[int]:
    """The samples that ``indices`` of mmengine's datasets mean, by their places."""
    if isinstance(indices, int):
        return list(places[:indices] if indices >= 0 else places[indices:])
    return [places[index] for index in indices]
