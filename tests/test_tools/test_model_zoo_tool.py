from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from helpers.tools import load_tool

ROOT = Path(__file__).resolve().parents[2]
EVAL = dict(
    Name='uninext_eval_od_coco',
    Config='configs/uninext/eval/od_coco.py',
    Metadata={'Evaluation Data': 'COCO val2017', 'Published Stage': 2},
)


@pytest.fixture(scope='module')
def model_zoo():
    return load_tool('tools/misc/model_zoo.py')


def test_no_model(model_zoo) -> None:
    assert model_zoo.training_table([]).count('\n') == 1, 'titles and a rule'
    assert model_zoo.evaluation_table([]).count('\n') == 1
    assert 'only metrics with a source' in model_zoo.published_table([])


def test_page_is_up_to_date(model_zoo) -> None:
    """If this fails: python tools/misc/model_zoo.py"""
    assert model_zoo.main(['--check']) == 0


def test_every_full_size_config_is_there(model_zoo) -> None:
    page = (ROOT / 'docs/model_zoo.md').read_text()
    models = yaml.safe_load((ROOT / 'configs/uninext/metafile.yml').read_text())
    for model in models['Models']:
        is_small = any(word in model['Config'] for word in model_zoo.SMALL)
        assert (f'(../{model["Config"]})' in page) is not is_small


def test_published_stage(model_zoo) -> None:
    rows = {
        stage: model_zoo.evaluation_table(
            [{**EVAL, 'Metadata': {**EVAL['Metadata'], 'Published Stage': stage}}]
        )
        for stage in (2, 3)
    }
    assert '| 2 | 800 / 1333 |' in rows[2]
    assert '| 3, `--image-only` | 800 / 1333 |' in rows[3]


def test_metafile_has_one_metric_a_backbone() -> None:
    models = yaml.safe_load((ROOT / 'configs/uninext/metafile.yml').read_text())
    for model in models['Models']:
        backbones = [each['Backbone'] for each in model.get('Results', [])]
        assert len(set(backbones)) == len(backbones)
        for result in model.get('Results', []):
            values = ' / '.join(map(str, result['Metrics'].values())).split(' / ')
            assert all(0 < float(value) < 100 for value in values), model['Name']


def test_metrics_are_marked_as_published(model_zoo) -> None:
    result = dict(Backbone='X', Metrics={'box AP': 12.3}, Source='Some Paper, Table 9')
    text = model_zoo.published_table([{**EVAL, 'Results': [result]}])
    assert '| COCO val2017 | X | box AP 12.3* | Some Paper, Table 9 |' in text
    assert 'not measured here' in text


def test_metric_without_source(model_zoo) -> None:
    result = dict(Backbone='X', Metrics={'box AP': 12.3})
    with pytest.raises(ValueError, match='od_coco.*X has no Source'):
        model_zoo.published_table([{**EVAL, 'Results': [result]}])


def test_old_page_is_told_and_written_anew(model_zoo, tmp_path, capsys) -> None:
    metafile, page = tmp_path / 'metafile.yml', tmp_path / 'page.md'
    metafile.write_text(yaml.safe_dump({'Models': [EVAL]}))
    marks = [f'<!-- {n} -->\nold\n<!-- /{n} -->\n' for n in
             ('training', 'evaluation', 'published')]  # fmt: skip
    page.write_text('before\n' + 'between\n'.join(marks) + 'after\n')
    options = ['--metafile', str(metafile), '--page', str(page)]
    assert model_zoo.main([*options, '--check']) == 1
    assert 'is old: run python' in capsys.readouterr().out
    assert 'old' in page.read_text()
    assert model_zoo.main(options) == 0
    text = page.read_text()
    assert text.startswith('before\n') and text.endswith('after\n')
    assert 'old' not in text and text.count('between\n') == 2
    row = '| OD | COCO val2017 | [od_coco](../configs/uninext/eval/od_coco.py) | 2 |'
    assert f'{row} 800 / 1333 | on |' in text
    assert model_zoo.main([*options, '--check']) == 0


def test_page_without_marks(model_zoo, tmp_path, capsys) -> None:
    metafile, page = tmp_path / 'metafile.yml', tmp_path / 'page.md'
    metafile.write_text(yaml.safe_dump({'Models': []}))
    page.write_text('<!-- training -->\n')
    options = ['--metafile', str(metafile), '--page', str(page)]
    assert model_zoo.main(options) == 2
    assert '<!-- /training --> once' in capsys.readouterr().err
