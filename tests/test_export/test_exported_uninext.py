"""An exported folder is asked as the network is, and finds the same."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
import torch
from mmengine.registry import init_default_scope

from helpers import small_uninext as small
from helpers.exported import (
    ASKED,
    SIZE_HW,
    assert_same,
    export_small,
    files_are_modules,
    frames,
)
from uninext.apis import UninextInferencer, networks, open_session
from uninext.apis.networks import model_stamp, stored_thresholds
from uninext.export import ExportedUNINEXT, graph_files, read_folder
from uninext.model_zoo import DEFAULT_MODEL as TINY
from uninext.utils.files import FileError


@pytest.fixture(scope='module')
def patch():
    with pytest.MonkeyPatch.context() as patch:
        files_are_modules(patch)
        yield patch


@pytest.fixture(scope='module')
def model():
    torch.manual_seed(0)
    init_default_scope('uninext')
    return small.build(small.small_video_config()).eval()


@pytest.fixture(scope='module')
def folder(tmp_path_factory, patch, model):
    folder = tmp_path_factory.mktemp('exported') / 'model'
    return export_small(model, small.small_video_config().to_dict(), folder)


@pytest.fixture
def eager(model):
    return UninextInferencer(model, scale=SIZE_HW)


@pytest.fixture(scope='module')
def exported(folder):
    init_default_scope('uninext')
    return UninextInferencer(folder)


def test_images_give_what_the_network_gives(exported, eager):
    given = dict(ASKED, batch_size=2)
    assert_same(exported(frames(2), **given), eager(frames(2), **given))


def test_images_that_stand_have_graphs_of_their_own(exported, eager):
    standing = [frame.transpose(1, 0, 2) for frame in frames(1)]
    given = dict(categories='cat, dog', score_thr=0.0)
    assert_same(exported(standing, **given), eager(standing, **given))


def test_a_video_gives_what_the_network_gives(exported, eager):
    given = dict(ASKED, as_video=True)
    assert_same(exported(frames(3), **given), eager(frames(3), **given))


def test_smaller_images_are_those_of_a_padded_batch(exported, model):
    samples = [
        small.sample(small.names('cat'), size_hw=hw) for hw in ((48, 40), SIZE_HW)
    ]
    for sample in samples:
        sample.set_metainfo(dict(batch_input_shape=SIZE_HW))
    inputs = torch.randn(2, 3, *SIZE_HW)
    inputs[0, :, 48:] = inputs[0, :, :, 40:] = 0
    with torch.no_grad():
        expected = model.predict(inputs, samples)[0].pred_instances.clone()
        found = exported.model.predict(inputs[:1, :, :48, :40], samples[:1])
    found = found[0].pred_instances
    torch.testing.assert_close(found.bboxes, expected.bboxes, atol=1e-3, rtol=1e-3)
    torch.testing.assert_close(found.scores, expected.scores)


def test_no_layer_is_built_and_the_checkpoint_is_told(exported, folder):
    assert not list(exported.model.parameters())
    assert exported.thresholds == dict(category=0.25)
    assert exported.scale.for_images() == (96, 64)
    assert exported.model.about['made_from'] == {'config': 'c'}
    assert open_session(str(folder)).model.can_track


def test_no_masks_of_no_queries(exported, model):
    nothing = torch.zeros(0, small.CHANNELS), torch.zeros(0, 2), torch.zeros(8, 8, 12)
    assert exported.model.mask_head(*nothing).shape == model.mask_head(*nothing).shape


def test_what_was_not_exported_is_refused(exported, folder):
    with pytest.raises(ValueError, match=r'96 x 64 pixels .* got 97 x 9.*--size 97 9'):
        exported.model.extract_feat(torch.zeros(1, 3, 97, 9))
    with pytest.raises(ValueError, match='as it was exported'):
        UninextInferencer(folder, num_queries=3)
    with pytest.raises(ValueError, match='Leave weights.pth out'):
        UninextInferencer(folder, 'weights.pth')
    with pytest.raises(ValueError, match="on the CPU, got 'cuda'"):
        exported.model.to('cuda')
    with pytest.raises(ValueError, match='cannot be trained'):
        exported.model.loss(torch.zeros(1), [])
    with pytest.raises(ValueError, match='mixes targets'):
        exported.model.encode_prompts([small.target(), small.names('a')])


def test_an_image_model_tracks_nothing(tmp_path, patch):
    cfg = small.small_config()
    made = export_small(small.build(cfg), cfg.to_dict(), tmp_path / 'out')
    find = UninextInferencer(made)
    image = np.zeros((*SIZE_HW, 3), np.uint8)
    assert len(find(image, categories='cat')) == 1
    with pytest.raises(ValueError, match='need a UNINEXTVideo'):
        find(image, box=[1, 1, 9, 9])
    with pytest.raises(ValueError, match='model of images'):
        open_session(made)
    with pytest.raises(ValueError, match='for images'):
        find.model.encode_prompts([small.target()])


def changed(folder, tmp_path, change):
    copy = tmp_path / 'copy'
    shutil.copytree(folder, copy)
    said = json.loads((copy / 'export.json').read_text())
    change(said, copy)
    (copy / 'export.json').write_text(json.dumps(said))
    return copy


def test_what_a_named_model_never_learned_is_told(tmp_path, folder, exported):
    made = changed(
        folder, tmp_path, lambda said, copy: said.update(made_from=dict(named=TINY))
    )
    assert 'never learned' in UninextInferencer(made).remarks(categories='car')[0]
    assert not exported.remarks(categories='car')


def test_thresholds_are_told_before_it_is_opened(tmp_path, folder):
    given = dict(category=0.4)
    made = changed(folder, tmp_path, lambda said, copy: said.update(thresholds=given))
    assert stored_thresholds(made) == UninextInferencer(made).thresholds == given


def test_bulk_work_goes_on_with_the_same_files_alone(tmp_path, folder):
    same = changed(folder, tmp_path, lambda said, copy: None)
    other = tmp_path / 'other'
    shutil.copytree(folder, other)
    said = (other / 'export.json').read_text()
    (other / 'export.json').write_text(said.replace('"sha256": "', '"sha256": "0'))
    stamps = [model_stamp(str(one), None) for one in (folder, same, other)]
    assert stamps[0] == stamps[1] != stamps[2]


def evil(said, copy):
    said['config']['model']['trackers']['box']['type'] = 'os.system'


def outside(said, copy):
    said['graphs']['text']['file'] = '../text.pt2'


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (lambda said, copy: (copy / 'text.pt2').unlink(), 'lacks the file text.pt2'),
        (lambda said, copy: (copy / 'text.pt2').write_text('of another'), 'not the'),
        (lambda said, copy: said.update(layout=2), 'layout 2; this is.*reads 1'),
        (lambda said, copy: said.clear(), 'uninext . in the layout .;'),
        (lambda said, copy: said.pop('config'), "damaged.*'config'"),
        (lambda said, copy: said['graphs'].pop('text'), r"no graph for \['text'\]"),
        (evil, 'only'),
        (outside, 'lacks the file'),
    ],
)
def test_folders_that_are_not_whole(tmp_path, folder, change, message):
    with pytest.raises(FileError, match=message):
        ExportedUNINEXT(changed(folder, tmp_path, change))


def test_a_folder_of_something_else(tmp_path):
    with pytest.raises(ValueError, match=r'no model .* folder with the export\.json'):
        UninextInferencer(tmp_path)
    with pytest.raises(ValueError, match='does not exist. Give the folder that'):
        ExportedUNINEXT(tmp_path)


def test_a_name_is_not_taken_for_a_folder(tmp_path, monkeypatch):
    (tmp_path / TINY).mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(networks, 'build_uninext', None)
    with pytest.raises(TypeError, match='NoneType'):  # it goes on to build it
        UninextInferencer(TINY)


def test_the_runtime_must_be_installed(tmp_path, folder, monkeypatch):
    made = changed(folder, tmp_path, lambda said, copy: said.update(format='onnx'))
    monkeypatch.setattr(graph_files.importlib.util, 'find_spec', lambda name: None)
    with pytest.raises(ValueError, match=r'needs onnxruntime: pip install.*\[onnx\]'):
        ExportedUNINEXT(made)
    assert read_folder(folder)['layout'] == 1


def test_vocabulary_of_the_folder_is_read(exported, folder):
    generator = exported.model.prompt_generator
    assert generator.tokenizer_name == str(folder / 'vocab.txt')
    assert 'knows no word' in generator.remarks(small.names('\U0001f600'))[0]
