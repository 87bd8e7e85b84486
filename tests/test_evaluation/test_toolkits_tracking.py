"""Metrics of tracks against the numbers of the benchmarks' toolkits, in every clone.

The files are those of ``tests/data/toolkits/make_tracking.py``; no toolkit is needed to
read them.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from uninext.evaluation.functional.bdd100k_tracking import SUPER_CLASSES
from uninext.evaluation.result_files import FORMATS
from uninext.formats.scalabel import BDD_THINGS

TOOLKITS = Path(__file__).parents[1] / 'data/toolkits'
SEQINFO = '[Sequence]\nseqLength=14\n'


def read(name: str) -> dict[str, Any]:
    return json.loads((TOOLKITS / f'{name}.json').read_text())


def write_texts(folder: Path, stored: dict[str, Any]) -> tuple[Path, Path]:
    gt, pred = folder / 'gt', folder / 'pred'
    pred.mkdir(parents=True)
    for name, text in stored['ground_truth'].items():
        (gt / name / 'gt').mkdir(parents=True)
        (gt / name / 'gt/gt.txt').write_text(text)
        (gt / name / 'seqinfo.ini').write_text(SEQINFO)
        (pred / f'{name}.txt').write_text(stored['results'][name])
    return gt, pred


def test_the_files_say_which_toolkit_and_are_small():
    names = ('mot15', 'mot17', 'mots', 'bdd100k')
    for name in names:
        toolkit, number = read(name)['toolkit'].split()[:2]
        assert toolkit in ('TrackEval', 'scalabel') and number[0].isdigit()
    sizes = [(TOOLKITS / f'{name}.json').stat().st_size for name in names]
    assert sum(sizes) < 200_000


@pytest.mark.parametrize(
    ('name', 'benchmark'),
    [('mot15', 'MOT15'), ('mot17', 'MOT17'), ('mot17', 'MOT20'), ('mots', 'MOTS')],
)
def test_tracks_are_those_of_trackeval(tmp_path: Path, name: str, benchmark: str):
    """Distractors, what is not considered, regions to ignore, boxes off the frame."""
    stored = read(name)
    file_format = 'mots' if name == 'mots' else 'mot'
    paths = write_texts(tmp_path, stored)
    found = FORMATS[file_format](*paths, protocol=benchmark.lower())
    expected = stored['metrics'][benchmark]
    expected['COMBINED'] = expected.pop('COMBINED_SEQ')
    assert set(found) == set(expected) == {'COMBINED', 's-1', 's-2'}
    for sequence, metrics in expected.items():
        assert found[sequence] == pytest.approx(metrics, abs=1e-12), sequence
    if name != 'mot17':
        assert FORMATS[file_format](*paths) == found  # the protocol is the default
    combined = found['COMBINED']
    assert 0.2 < combined['HOTA'] < 0.9 and combined['IDSW'] > 3


def test_the_protocols_differ_on_these_tracks():
    counts = [
        read(name)['metrics'][benchmark]['COMBINED_SEQ']['CLR_FP']
        for name, benchmark in (('mot17', 'MOT17'), ('mot17', 'MOT20'))
    ]
    assert counts[0] > counts[1]


def test_clear_and_identities_are_those_of_motmetrics(tmp_path: Path):
    """Where both define alike; mostly tracked is from 0.8 here, above 0.8 there."""
    stored = read('mot15')
    found = FORMATS['mot'](*write_texts(tmp_path, stored))['COMBINED']
    expected = stored['metrics']['motmetrics']
    pairs = {
        'MOTA': expected['mota'],
        'MOTP': 1 - expected['motp'],
        'IDF1': expected['idf1'],
        'IDP': expected['idp'],
        'IDR': expected['idr'],
        'IDSW': expected['num_switches'],
        'CLR_FN': expected['num_misses'],
        'CLR_FP': expected['num_false_positives'],
        'ML': expected['mostly_lost'],
        'CLR_Re': expected['recall'],
        'CLR_Pr': expected['precision'],
    }
    assert {key: found[key] for key in pairs} == pytest.approx(pairs, abs=1e-12)


def as_share(name: str, value: float) -> float | None:
    """The toolkit prints per cent; counts stay; what is nothing is None."""
    if not math.isfinite(value):
        return None
    return (
        value if name in ('FP', 'FN', 'IDSw', 'MT', 'PT', 'ML', 'FM') else value / 100
    )


@pytest.mark.parametrize('kind', ['bdd-mot', 'bdd-mots', 'bdd-det', 'bdd-insseg'])
def test_bdd100k_is_that_of_scalabel(tmp_path: Path, kind: str):
    """Every number of every class, of groups, of all: crowds, classes not there."""
    stored = read('bdd100k')
    paths = tmp_path / 'gt.json', tmp_path / 'pred.json'
    for path, side in zip(paths, ('ground_truth', 'results')):
        path.write_text(json.dumps(stored[side]['all']))
    found = FORMATS[kind](*paths)
    num_compared = 0
    for name, tables in stored['metrics'][kind].items():
        ours = name
        if kind == 'bdd-mots':
            ours = name.replace('MOTA', 'MOTSA').replace('MOTP', 'MOTSP')
        if not isinstance(tables, list):
            assert found[ours] == pytest.approx(as_share(name, tables), abs=1e-12)
            continue
        flat = {key: value for table in tables for key, value in table.items()}
        for group, value in flat.items():
            row = found['classes'].get(group) or found.get('super_classes', {}).get(
                group, found
            )
            if group == 'AVERAGE':
                continue  # its rates are those with an m
            expected = as_share(name, value)
            got = row[ours]
            assert got == pytest.approx(expected, abs=1e-12), (name, group)
            num_compared += 1
    groups = [*BDD_THINGS, 'OVERALL'] + [*SUPER_CLASSES] * (
        kind in ('bdd-mot', 'bdd-mots')
    )
    assert num_compared >= 10 * len(groups)
