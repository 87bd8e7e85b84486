"""Videos with targets to follow: one sample per video.

Annotation file in, dictionaries with a ``VideoAnnotation`` out; ``SampleTarget``
chooses one of the targets.
"""

from __future__ import annotations

from typing import Any

from uninext.datasets.video_instance import VideoInstanceDataset
from uninext.registry import DATASETS


@DATASETS.register_module()
class SingleObjectDataset(VideoInstanceDataset):
    """Targets given by their first box or mask (LaSOT, GOT-10k, YouTube-VOS, ...).

    Differs from :class:`VideoInstanceDataset` in that all labels are 0, whatever
    categories the file has: a target is asked for by how it looks. A frame in which a
    target is out of view has no box in the file and is not used (the published code
    never reads those flags).
    """

    METAINFO: dict[str, Any] = {'classes': ('object',)}

    def _labels_of_categories(self, content: dict) -> dict[Any, int]:
        return self._one_label(content)
