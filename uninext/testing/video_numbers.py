"""What was stored of the published video inference, and the weights it ran with."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import mmcv
import numpy as np
from mmengine.config import Config
from PIL import Image
from torch import Tensor, nn

from uninext.checkpoint import load_state
from uninext.checkpoint.conversion import from_published
from uninext.registry import MODELS
from uninext.testing.random_weights import draw_state_dict
from uninext.testing.stored_numbers import StoredNumbers


class VideoNumbers(StoredNumbers):
    """Stored numbers of videos; knows which of them were looked at."""

    def __init__(self, arrays: Mapping[str, np.ndarray]) -> None:
        super().__init__(arrays)
        self.read: set[str] = set()

    def __getitem__(self, name: str) -> np.ndarray:
        self.read.add(name)
        return super().__getitem__(name)

    def number(self, name: str, default: float | None = None) -> float:
        """A stored number, or the default where it is absent."""
        if default is not None and name not in self:
            return default
        return float(self[name])

    def size(self, name: str) -> tuple[int, int]:
        """A stored (height, width)."""
        height, width = (int(n) for n in self[name])
        return height, width

    def bits(self, name: str, size_hw: tuple[int, int]) -> np.ndarray:
        """(n, H, W) bool of masks that are stored as bits."""
        height, width = size_hw
        flat = np.unpackbits(self[name], axis=1)[:, : height * width]
        return flat.reshape(-1, height, width).astype(bool)

    def scale(self) -> tuple[int, int]:
        """(long, short) sides that frames were resized to."""
        short = int(self['resize/short_side'])
        return int(self['resize/long_side_at_most']), short

    def frames(self, task: str, folder: Path) -> Iterator[np.ndarray]:
        """The frames of a task, (H, W, 3) uint8 BGR.

        Raises:
            ValueError: If a file is absent, or smaller than what was cut out of it.
        """
        height, width = self.size(f'{task}/crop_hw')
        for name in self[f'{task}/frames']:
            path = folder / str(name)
            if not path.is_file():
                raise ValueError(
                    f'The frame {path} of {task} is no file: give the folder that '
                    f'{name} lies in, --data FOLDER.'
                )
            image = np.asarray(Image.open(path).convert('RGB'))[:height, :width, ::-1]
            if image.shape[:2] != (height, width):
                raise ValueError(
                    f'{path} is {image.shape[1]}x{image.shape[0]} pixels; {task} needs '
                    f'{width}x{height} of it (width x height).'
                )
            yield np.ascontiguousarray(image)

    def input_size(self, task: str) -> tuple[int, int]:
        """(height, width) that a session of this scale gives to the network."""
        height, width = self.size(f'{task}/frame_hw')
        width, height = mmcv.rescale_size((width, height), self.scale())
        return height, width


class SharpenedModel:
    """A video model with random weights, edited such that scores spread.

    ``numbers`` hold the seed and what was edited as ``weights/*``.
    """

    def __init__(
        self,
        config: str | Path,
        table: str | Path,
        numbers: VideoNumbers,
        device: str = 'cpu',
    ) -> None:
        self.model = MODELS.build(Config.fromfile(config).model).to(device)
        self._source = f'What is drawn for {Path(table).name}'
        self._numbers = numbers
        self._state = draw_state_dict(table, int(numbers['weights/seed']))
        self._for_tracking: bool | None = None
        self._edit(
            'reid_embed_head.1.layers.2.weight', Tensor.mul_, 'reid_last_weight_times'
        )
        self._edit('iou_head.5.weight', Tensor.mul_, 'iou_weight_times')
        self._edit('iou_head.5.bias', Tensor.add_, 'iou_bias_plus')

    def load(self, for_tracking: bool) -> nn.Module:
        """The model with the weights that tracking (MOT, MOTS, VIS) or others had."""
        if for_tracking is not self._for_tracking:
            prefix = 'tracking_' if for_tracking else ''
            for name in ('log_scale', 'bias0'):
                number = f'{prefix}class_{name}_set_to'
                self._edit(f'class_embed.5.{name}', Tensor.fill_, number)
            state, _ = from_published(self._state)
            load_state(self.model, state, source=self._source)
            self._for_tracking = for_tracking
        return self.model.eval()

    def _edit(
        self, ending: str, change: Callable[[Tensor, float], Tensor], number: str
    ) -> None:
        """Change edited tensors by the end of their keys, each once for all aliases."""
        keys = [str(key) for key in self._numbers['weights/edited_keys']]
        unknown = [key for key in keys if key not in self._state]
        if unknown:
            raise ValueError(f'The key table has no {unknown}, which were edited.')
        found = [self._state[key] for key in keys if key.endswith(ending)]
        for tensor in {id(tensor): tensor for tensor in found}.values():
            change(tensor, float(self._numbers[f'weights/{number}']))
