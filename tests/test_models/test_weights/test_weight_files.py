from __future__ import annotations

import hashlib
import importlib.util
from collections import OrderedDict
from pathlib import Path

import pytest
import torch

from uninext.models.weights import convert_file, load_published, load_state_dict_file

TOOL = 'tools/model_converters/official_to_uninext.py'
PUBLISHED = OrderedDict(
    [
        ('detr.detr.transformer.level_embed', torch.arange(4.0)),
        ('criterion._iter', torch.zeros(1)),
    ]
)


def load_tool():
    path = Path(__file__).resolve().parents[3] / TOOL
    spec = importlib.util.spec_from_file_location('official_to_uninext', path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class _Evil:
    def __reduce__(self):
        return (print, ('code ran',))


@pytest.fixture
def published_file(tmp_path) -> Path:
    path = tmp_path / 'trainer.pth'
    rest = {'optimizer': {'state': {0: torch.ones(1)}}, 'scheduler': {}, 'iteration': 7}
    torch.save({'model': PUBLISHED, **rest}, path)
    return path


def test_empty_checkpoint(tmp_path) -> None:
    torch.save({}, tmp_path / 'a.pth')
    with pytest.raises(ValueError, match='holds no state dict'):
        load_state_dict_file(tmp_path / 'a.pth')


@pytest.mark.parametrize('wrap', [None, 'model', 'state_dict'])
def test_state_dict_is_found(tmp_path, wrap) -> None:
    path = tmp_path / 'a.pth'
    torch.save(PUBLISHED if wrap is None else {wrap: PUBLISHED}, path)
    assert list(load_state_dict_file(path)) == list(PUBLISHED)


def test_convert_there_and_back(tmp_path, published_file) -> None:
    ours, back = tmp_path / 'sub' / 'ours.pth', tmp_path / 'back.pth'
    report = convert_file(published_file, ours)
    assert len(report.mapped) == 2
    content = torch.load(ours, weights_only=True)
    assert list(content['state_dict']) == ['level_embed', 'mask_head.warmup_step']
    digest = hashlib.sha256(published_file.read_bytes()).hexdigest()
    assert content['meta']['source_sha256'] == digest
    convert_file(ours, back, reverse=True)
    again = torch.load(back, weights_only=True)['model']
    assert all(torch.equal(again[k], v) for k, v in PUBLISHED.items())
    assert sorted(p.name for p in tmp_path.rglob('*') if p.name.startswith('.')) == []
    assert load_published(published_file)[0].keys() == content['state_dict'].keys()


def test_failed_write_keeps_old_file(tmp_path, published_file, monkeypatch) -> None:
    target = tmp_path / 'ours.pth'
    target.write_bytes(b'precious')

    def full(content, file):
        file.write(b'half')
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(torch, 'save', full)
    with pytest.raises(ValueError, match='No space'):
        convert_file(published_file, target)
    assert target.read_bytes() == b'precious'
    assert sorted(p.name for p in tmp_path.iterdir()) == ['ours.pth', 'trainer.pth']


def test_pickled_code_is_refused(tmp_path, capsys) -> None:
    path = tmp_path / 'evil.pth'
    torch.save({'model': PUBLISHED, 'extra': _Evil()}, path)
    with pytest.raises(ValueError, match='could run code'):
        load_state_dict_file(path)
    assert 'code ran' not in capsys.readouterr().out


@pytest.mark.parametrize(
    ('content', 'match'),
    [
        (b'', 'checkpoint'),
        (b'hello, this is text', 'checkpoint'),
        (b'PK\x03\x04broken zip', 'checkpoint'),
    ],
    ids=['empty', 'text', 'broken'],
)
def test_wrong_files(tmp_path, content, match) -> None:
    path = tmp_path / 'a.pth'
    path.write_bytes(content)
    with pytest.raises(ValueError, match=match):
        load_state_dict_file(path)


def test_other_wrong_inputs(tmp_path, published_file) -> None:
    with pytest.raises(ValueError, match='no checkpoint'):
        load_state_dict_file(tmp_path / 'gone.pth')
    with pytest.raises(ValueError, match='same file'):
        convert_file(published_file, published_file)
    with pytest.raises(ValueError, match='is a folder'):
        convert_file(published_file, tmp_path)
    torch.save([1, 2], tmp_path / 'list.pth')
    with pytest.raises(ValueError, match='holds a list'):
        load_state_dict_file(tmp_path / 'list.pth')
    torch.save({'model': {'a': 1}}, tmp_path / 'ints.pth')
    with pytest.raises(ValueError, match='are not tensors'):
        load_state_dict_file(tmp_path / 'ints.pth')


def test_tool_reports_every_key(tmp_path, published_file, capsys) -> None:
    tool = load_tool()
    target = str(tmp_path / 'ours.pth')
    assert tool.main([str(published_file), target]) == 0
    out = capsys.readouterr().out
    assert 'mapped   criterion._iter -> mask_head.warmup_step' in out
    assert '2 mapped' in out
    with pytest.raises(SystemExit, match='2'):
        tool.main([target, str(tmp_path / 'b.pth')])
    assert 'keys have no place' in capsys.readouterr().err
    assert tool.main([target, str(tmp_path / 'b.pth'), '--reverse', '--quiet']) == 0
    assert 'mapped   ' not in capsys.readouterr().out
