"""The scripts of tools/misc and tools/analysis_tools, by their arguments."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from mmengine.config import Config

from helpers.small_uninext import small_config, small_video_config
from helpers.tools import load_tool, message_of_failure, run_python
from uninext.analysis import speed_inputs, speed_rows

TEACHING = [
    'tools/misc/print_config.py',
    'tools/misc/browse_dataset.py',
    *(
        f'tools/analysis_tools/{name}.py'
        for name in ('analyze_logs', 'get_flops', 'benchmark', 'confusion_matrix')
    ),
]
LIGHT = [
    *TEACHING,
    *('tools/train.py', 'tools/test.py', 'tools/analysis_tools/eval_results.py'),
    *('tools/analysis_tools/check_parity.py', 'tools/analysis_tools/ablations.py'),
    *('tools/model_converters/official_to_uninext.py', 'uninext/__main__.py'),
    'tools/model_converters/publish_model.py',
]
SIZE = ['--size', '64', '96']
print_config, browse_dataset, analyze_logs, get_flops, benchmark, confusion_matrix = (
    map(load_tool, TEACHING)
)


def test_help_is_quick_and_teaches():
    """All scripts in one process: none imports anything heavy before it is used."""
    code = (
        'import sys, runpy\n'
        f'for path in {LIGHT!r}:\n'
        '    sys.argv = [path, "--help"]\n'
        '    try:\n'
        '        runpy.run_path(path, run_name="__main__")\n'
        '    except SystemExit as end:\n'
        '        assert end.code == 0, end\n'
        '    heavy = {"torch", "numpy", "mmengine", "mmdet"} & set(sys.modules)\n'
        '    assert not heavy, (path, heavy)\n'
    )
    done = run_python(code)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count('usage:') == len(LIGHT)
    assert done.stdout.count('Example') >= len(TEACHING)


def fails_with(module, argv: list[str], capsys) -> str:
    return message_of_failure(module.main, capsys, *argv)


# ------------------------------------------------------------------------- print_config


@pytest.fixture
def configs(tmp_path: Path) -> tuple[str, str]:
    base, leaf = tmp_path / 'base.py', tmp_path / 'leaf.py'
    base.write_text("a = dict(b=1, c=[1, 2])\nd = [dict(type='X', e=1)]\n")
    leaf.write_text("_base_ = './base.py'\na = dict(b=2)\nd = [dict(type='X', f=1)]\n")
    return str(base), str(leaf)


def test_a_config_is_printed_as_it_is_resolved(configs, tmp_path, capsys):
    out = tmp_path / 'out.py'
    argv = [configs[1], '--cfg-options', 'a.g=7', '--out', str(out)]
    assert print_config.main(argv) == 0
    printed = capsys.readouterr().out
    assert out.read_text() == printed
    assert Config.fromfile(out).to_dict() == dict(
        a=dict(b=2, c=[1, 2], g=7), d=[dict(type='X', f=1)]
    )
    assert print_config.main([configs[1], '--key', 'a.c']) == 0
    assert capsys.readouterr().out.split() == ['c', '=', '[', '1,', '2,', ']']
    assert print_config.main([configs[1], '--key', 'd.0']) == 0
    assert "type='X'" in capsys.readouterr().out


def test_what_a_leaf_changes(configs, capsys):
    assert print_config.main([configs[1], '--diff', configs[0]]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines == ['- a.b: 1', '+ a.b: 2', '- d.0.e: 1', '+ d.0.f: 1']
    print_config.main([configs[0], '--diff', configs[0]])
    assert capsys.readouterr().out == 'no difference\n'


def test_numbers_of_another_type_differ():
    assert print_config.differences({}, {}) == []
    assert print_config.differences(dict(a=1), dict(a=True)) == ['- a: 1', '+ a: True']
    assert print_config.differences(dict(a={}), dict(a=dict(b=1))) == [
        '- a: {}',
        '+ a.b: 1',
    ]


def test_wrong_configs_and_keys(configs, capsys):
    assert 'There is no config' in fails_with(print_config, ['nothing'], capsys)
    argv = [configs[0], '--key', 'a.x']
    assert "no 'x' in ['b', 'c']" in fails_with(print_config, argv, capsys)
    argv = [configs[0], '--key', 'a.c.5']
    assert "no '5' in 2 entries" in fails_with(print_config, argv, capsys)
    argv = [configs[0], '--key', 'a.b.x']
    assert "no 'x' in 1" in fails_with(print_config, argv, capsys)
    argv = [configs[0], '--diff', configs[1], '--out', 'x.py']
    assert 'leave out --diff' in fails_with(print_config, argv, capsys)


def test_a_config_by_its_name(capsys):
    assert print_config.main(['stage2_image_tiny', '--key', 'model.type']) == 0
    assert capsys.readouterr().out == "type = 'UNINEXT'\n"


# ---------------------------------------------------------------- logs and result files


def test_logs(tmp_path, capsys):
    folder = tmp_path / 'run/20260101_000000/vis_data'
    folder.mkdir(parents=True)
    rows = [dict(iter=i, loss=9.0 - i, time=1.5) for i in (1, 2)]
    (folder / 'scalars.json').write_text('\n'.join(map(json.dumps, rows)))
    out = tmp_path / 'x.png'
    argv = [str(tmp_path / 'run'), '--names', 'mine', '--out', str(out)]
    assert analyze_logs.main(argv) == 0
    assert '| mine | 2 | 1.5 |' in capsys.readouterr().out
    assert out.is_file()
    argv = [str(tmp_path), '--names', 'a', 'b']
    assert '1 runs need as many' in fails_with(analyze_logs, argv, capsys)
    assert 'no log' in fails_with(analyze_logs, [str(tmp_path / 'x')], capsys)


def test_confusions(tmp_path, capsys):
    box = dict(image_id=1, category_id=1, bbox=[0, 0, 9, 9])
    ground_truth = dict(
        images=[dict(id=1, width=20, height=20)],
        categories=[dict(id=1, name='cat')],
        annotations=[dict(box, id=1, iscrowd=0, area=81)],
    )
    (tmp_path / 'gt.json').write_text(json.dumps(ground_truth))
    (tmp_path / 'pred.json').write_text(json.dumps([dict(box, score=0.9)]))
    argv = ['--gt', str(tmp_path / 'gt.json'), '--pred', str(tmp_path / 'pred.json')]
    assert confusion_matrix.main([*argv, '--out', str(tmp_path / 'x.png')]) == 0
    assert '| cat | 1 | 1 | 0 |' in capsys.readouterr().out
    assert (tmp_path / 'x.png').is_file()
    error = fails_with(confusion_matrix, [*argv, '--iou-thr', '2'], capsys)
    assert 'iou_thr must be in (0, 1], got 2' in error


# -------------------------------------------------------------------- models to measure


@pytest.fixture(scope='module')
def models(tmp_path_factory) -> tuple[str, str]:
    """Configs of the small network: of images, of videos."""
    folder = tmp_path_factory.mktemp('models')
    paths = []
    for name, model in (('image', small_config()), ('video', small_video_config())):
        path = folder / f'{name}.py'
        model = model.to_dict() if isinstance(model, Config) else model
        Config(dict(model=model.get('model', model))).dump(path)
        paths.append(str(path))
    return tuple(paths)


def test_costs_of_a_small_network(models, capsys):
    argv = [models[0], *SIZE, '--categories', 'cat, dog', '--expression', 'a red ox']
    assert get_flops.main(argv) == 0
    out = capsys.readouterr().out
    assert out.startswith('96 x 64 pixels, 2 categories, 1 expressions')
    for part in (
        'backbone',
        'text encoder',
        'fusion',
        'encoder',
        'decoder',
        'mask head',
    ):
        assert f'| {part} |' in out
    assert 'Not counted' in out
    argv = [models[0], '--size', '0', '64']
    assert '--size takes two positive' in fails_with(get_flops, argv, capsys)
    assert 'There is no config' in fails_with(get_flops, ['nothing'], capsys)
    argv = [models[0], *SIZE, '--boxes', '-1']
    assert '--boxes must be at least 0' in fails_with(get_flops, argv, capsys)


@pytest.fixture
def table(models, monkeypatch) -> list[str]:
    """Arguments of a table of the small network, where products are small, too."""
    monkeypatch.setattr(speed_inputs, 'GEMM_SHAPES', ((2, 3, 4),))
    configs = ['--image-config', models[0], '--small-config', models[1]]
    return ['table', '--quick', '--calls', '1', '--video-config', models[1], *configs]


def test_nothing_is_timed(table, tmp_path, capsys):
    out = tmp_path / 'new/x.json'
    argv = [*table, '--rows', 'none', '--growth', 'none', '--out', str(out)]
    assert benchmark.main(argv) == 0
    assert json.loads(out.read_text())['rows'] == []
    assert '--calls and --size take' in fails_with(
        benchmark, [*argv, '--calls', '0'], capsys
    )


def test_rows_and_curves_are_chosen_and_make_a_page(table, tmp_path, capsys):
    measured, page = tmp_path / 'x.json', tmp_path / 'page.md'
    argv = [*table, '--rows', 'MOT', 'training', 'parts', 'loader', '--out']
    assert benchmark.main([*argv, str(measured), '--growth', 'targets']) == 0
    found = json.loads(measured.read_text())
    words = [row['name'].split()[0] for row in found['rows']]
    assert words == ['MOT', 'training', 'training', 'data']
    assert all(row['seconds'] > 0 for row in found['rows'])
    assert found['rows'][0]['gemm_share'] > 0
    assert found['parts']['encoder']['gflop'] > 0
    assert list(found['growth']) == ['targets']
    assert '| MOT frame, 8 categories |' in capsys.readouterr().out
    marks = ['machine', 'published', 'rows', 'parts', 'gemm', 'growth', 'scaling']
    page.write_text(''.join(f'<!-- {m} -->\n<!-- /{m} -->\n' for m in marks))
    argv = ['page', str(measured), '--page', str(page)]
    (tmp_path / 'assets').mkdir()
    assert benchmark.main([*argv, '--check']) == 1
    assert benchmark.main(argv) == 0
    assert benchmark.main([*argv, '--check']) == 0
    assert (tmp_path / 'assets/performance_growth.svg').is_file()


def test_what_is_wrong_is_not_timed(table, monkeypatch, capsys):
    """Attention that is a hundredth too large."""
    exact = speed_rows.ms_deform_attn

    def wrong(*given):
        share = 1 if os.environ.get('UNINEXT_DEFORM_ATTN') else 1.01
        return exact(*given) * share

    monkeypatch.setattr(speed_rows, 'ms_deform_attn', wrong)
    argv = [*table, '--rows', 'attention', '--growth', 'none']
    assert 'It is not timed' in fails_with(benchmark, argv, capsys)


def test_browsing_needs_a_number(capsys):
    assert '--num must be' in fails_with(browse_dataset, ['x', '--num', '0'], capsys)
