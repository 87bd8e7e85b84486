from __future__ import annotations

import cv2
import numpy as np
import pytest

from uninext.datasets import UnreadableImageError
from uninext.datasets.transforms import LoadImageOrExplain, LoadPromptAnnotations


@pytest.fixture
def image_path(tmp_path):
    path = tmp_path / 'a.png'
    pixels = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)
    cv2.imwrite(str(path), pixels)
    return path


def test_image_is_loaded_as_bgr(image_path):
    loaded = LoadImageOrExplain()(dict(img_path=str(image_path), height=4, width=6))
    assert loaded['img'][0, 1].tolist() == [3, 4, 5]
    assert loaded['img_shape'] == loaded['ori_shape'] == (4, 6)


@pytest.mark.parametrize('content', [b'', b'no image', None], ids=str)
def test_unreadable_image_is_named(tmp_path, content):
    path = tmp_path / 'bad.jpg'
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UnreadableImageError, match=r'bad\.jpg'):
        LoadImageOrExplain()(dict(img_path=str(path)))


@pytest.mark.parametrize('name', ['a.png', 'a.jpg'])
@pytest.mark.parametrize('share', [0.1, 0.5, 0.9])
def test_file_that_is_cut_off_is_not_accepted(tmp_path, name, share):
    path = tmp_path / name
    noise = np.random.RandomState(0).randint(0, 255, (40, 60, 3)).astype(np.uint8)
    cv2.imwrite(str(path), noise)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(UnreadableImageError, match=name):
        LoadImageOrExplain()(dict(img_path=str(path)))


def test_other_size_than_annotated_is_an_error(image_path):
    with pytest.raises(UnreadableImageError, match=r'6x4 pixels.*says 4x6'):
        LoadImageOrExplain()(dict(img_path=str(image_path), height=6, width=4))


def sample(*instances, has_masks=True):
    return dict(ori_shape=(6, 8), instances=list(instances), has_masks=has_masks)


def instance(mask=None, ignore=0):
    record = dict(bbox=[1, 2, 4, 5], bbox_label=3, ignore_flag=ignore)
    return record if mask is None else {**record, 'mask': mask}


POLYGON = [[1, 2, 4, 2, 4, 5, 1, 5]]


def test_no_instances():
    results = LoadPromptAnnotations(with_mask=True)(sample(has_masks=False))
    assert results['gt_bboxes'].tensor.shape == (0, 4)
    assert 'gt_masks' not in results


def test_masks_follow_polygons_and_rle():
    rle = dict(size=[6, 8], counts=[0, 48])
    results = LoadPromptAnnotations(with_mask=True)(
        sample(instance(POLYGON), instance(rle), instance(ignore=1))
    )
    masks = results['gt_masks'].masks
    assert masks.shape == (3, 6, 8)
    assert masks[0].sum() == masks[0, 2:5, 1:4].sum() == 9
    assert masks[1].all()
    assert not masks[2].any()
    assert results['gt_ignore_flags'].tolist() == [False, False, True]
    assert results['gt_bboxes_labels'].tolist() == [3, 3, 3]


@pytest.mark.parametrize(
    ('with_mask', 'has_masks'), [(False, True), (True, False), (False, False)]
)
def test_no_mask_is_ever_invented(with_mask, has_masks):
    results = LoadPromptAnnotations(with_mask=with_mask)(
        sample(instance(POLYGON), instance(), has_masks=has_masks)
    )
    assert 'gt_masks' not in results
    assert len(results['gt_bboxes']) == 2
