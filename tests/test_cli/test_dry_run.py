"""``train --dry-run``: the mixture is counted and samples are drawn, nothing trains."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from mmengine import Config

from uninext.cli import dry_run, main
from uninext.cli.analysis import browse_dataset
from uninext.datasets import MultiTaskDataset
from uninext.datasets.samplers import MultiTaskBatchSampler

ROOT = Path(__file__).resolve().parents[2]
STAGE_3 = ROOT / 'configs' / 'uninext' / 'stage3_video.py'


class Sized:
    """A source of which nothing is known but its size; half of it is landscape."""

    metainfo: dict = {}

    def __init__(self, size: int) -> None:
        self.size = size

    def __len__(self) -> int:
        return self.size

    def get_data_info(self, i: int) -> dict:
        return dict(width=1 + i % 2, height=1, instances=[], has_masks=True)


def stage_3() -> MultiTaskDataset:
    """The sources of stage 3, of any sizes."""
    sources = Config.fromfile(STAGE_3).train_dataloader.dataset.sources
    return MultiTaskDataset(
        [{**s, 'dataset': Sized(3 + 17 * i)} for i, s in enumerate(sources)]
    )


def samplers(dataset, ranks, seed=42):
    return [
        MultiTaskBatchSampler(SimpleNamespace(dataset=dataset, seed=seed, rank=r), 2)
        for r in range(ranks)
    ]


def test_stage_3_is_drawn_by_its_ratios():
    """20,000 batches on 4 ranks: shares within 1 % of the whole, and far closer."""
    dataset = stage_3()
    mixture = dry_run.simulate(dataset, samplers(dataset, 4), 5000)
    assert mixture.batches.sum() == 20000
    for drawn, expected in (
        (mixture.samples, mixture.ratios),
        (mixture.batches, mixture.ratios / mixture.batch_sizes),
    ):
        difference = drawn / drawn.sum() - expected / expected.sum()
        assert abs(difference).max() < 0.01
    groups = [3, 4, 2, 5]  # VIS, MOT, R-VOS, SOT
    shares = np.add.reduceat(mixture.samples, np.cumsum([0, *groups[:-1]]))
    assert shares / mixture.samples.sum() == pytest.approx([0.25] * 4, abs=0.01)
    text = mixture.table().splitlines()
    assert len(text) == 1 + 14 + 1
    assert '40000' not in text[-1]  # YouTube-VIS has batches of 4
    assert 'in 20000 batches' in text[-1]


def test_first_draws():
    dataset = stage_3()
    (sampler,) = samplers(dataset, 1)
    draws = dry_run.first_draws(dataset, sampler, 5000)
    names = [source.name for source in dataset.sources]
    assert list(draws) == names
    for name, of_source in draws.items():
        assert len(of_source) == 2
        assert {names[dataset.locate(d.index)[0]] for d in of_source} == {name}
    (sampler,) = samplers(dataset, 1)
    few = dry_run.first_draws(dataset, sampler, 1)
    assert sum(map(len, few.values())) == 2
    (sampler,) = samplers(dataset, 1)
    (wanted,) = dry_run.first_draws(dataset, sampler, 5000, 5, ['lasot']).values()
    assert wanted[:2] == draws['lasot']
    assert len(wanted) == 5


@pytest.fixture
def config(tmp_path: Path) -> str:
    """A config that trains on one generated video, and has nothing but data."""
    names = [f'{t}.png' for t in range(3)]
    for name in names:
        pixels = np.random.randint(0, 255, (40, 60, 3), dtype=np.uint8)
        cv2.imwrite(str(tmp_path / name), pixels)
    boxes = [[5, 5, 20, 20]] * 3
    content = dict(
        videos=[dict(id=1, width=60, height=40, file_names=names)],
        annotations=[dict(id=1, video_id=1, category_id=1, bboxes=boxes)],
        categories=[dict(id=1, name='dog')],
    )
    (tmp_path / 'ann.json').write_text(json.dumps(content))
    dataset = dict(
        type='VideoInstanceDataset',
        data_root=str(tmp_path),
        ann_file='ann.json',
        pipeline=[
            dict(type='SampleFramePair'),
            dict(
                type='ForEachFrame',
                transforms=[
                    dict(type='LoadImageOrExplain'),
                    dict(type='LoadPromptAnnotations'),
                    dict(type='SampleCategoryPrompt'),
                ],
            ),
            dict(type='PackClipInputs'),
        ],
    )
    loader = dict(
        batch_size=2,
        batch_sampler=dict(type='MultiTaskBatchSampler'),
        dataset=dict(
            type='MultiTaskDataset', sources=[dict(name='v', dataset=dataset)]
        ),
    )
    path = tmp_path / 'config.py'
    path.write_text(f"default_scope = 'uninext'\ntrain_dataloader = {loader!r}\n")
    return str(path)


def test_whole_command(config, tmp_path, capsys, monkeypatch):
    (tmp_path / 'elsewhere').mkdir()
    monkeypatch.chdir(tmp_path / 'elsewhere')
    options = ['--dry-run-ranks', '2', '--dry-run-batches', '5']
    pictures = ['--dry-run-pictures', str(tmp_path / 'pictures')]
    assert main(['train', config, '--dry-run', *options, *pictures]) == 0
    said = capsys.readouterr().out
    assert '2 ranks x 5 batches' in said
    assert '20 samples in 10 batches' in said
    assert sorted(p.name for p in (tmp_path / 'pictures').iterdir()) == [
        'v_0.jpg',
        'v_1.jpg',
    ]
    assert cv2.imread(str(tmp_path / 'pictures' / 'v_0.jpg')).shape[1] == 120
    assert not list((tmp_path / 'elsewhere').iterdir())


def test_sizes_are_compared_with_the_files(config, tmp_path, capsys):
    content = json.loads((tmp_path / 'ann.json').read_text())
    content['videos'][0].update(width=30, height=20)  # a factor of two
    (tmp_path / 'ann.json').write_text(json.dumps(content))
    with pytest.raises(SystemExit) as error:
        main(['train', config, '--dry-run', '--dry-run-batches', '2'])
    assert error.value.code == 2
    message = capsys.readouterr().err
    assert "the annotations of 'v' says: " in message
    assert '0.png (60 x 40, not 30 x 20)' in message


def test_one_image_of_another_size_among_many_is_a_note(config, tmp_path, capsys):
    content = json.loads((tmp_path / 'ann.json').read_text())
    (annotation,) = content['annotations']
    other = dict(content['videos'][0], id=2, width=90)
    content['videos'].append(other)
    content['annotations'].append(dict(annotation, id=2, video_id=2))
    (tmp_path / 'ann.json').write_text(json.dumps(content))
    assert main(['train', config, '--dry-run', '--dry-run-batches', '2']) == 0
    said = capsys.readouterr().out
    assert 'note: of 2 images that were probed, 1 images have another size' in said
    assert '(60 x 40, not 90 x 40)' in said


@pytest.mark.parametrize('option', ['--dry-run-ranks', '--dry-run-batches'])
def test_numbers_must_be_positive(config, option, capsys):
    with pytest.raises(SystemExit):
        main(['train', config, '--dry-run', option, '0'])
    assert 'must be at least 1' in capsys.readouterr().err


def test_only_mixtures(config, tmp_path, capsys):
    text = Path(config).read_text()
    cfg = Config.fromstring(text, '.py')
    cfg.train_dataloader.dataset = cfg.train_dataloader.dataset.sources[0].dataset
    cfg.dump(str(tmp_path / 'plain.py'))
    with pytest.raises(SystemExit):
        main(['train', str(tmp_path / 'plain.py'), '--dry-run'])
    assert 'expected a MultiTaskDataset' in capsys.readouterr().err


def test_sources_that_are_not_drawn_are_named(tmp_path, capsys):
    dataset = stage_3()
    assert dry_run.save_pictures(dataset, {'lasot': []}, tmp_path / 'x') == []
    assert 'lasot: not drawn in so many batches' in capsys.readouterr().out


def test_browsing_draws_the_samples_of_the_training(config, tmp_path, capsys):
    out = tmp_path / 'seen'
    argv = [config, '--out', str(out), '--num', '3', '--sheet']
    assert browse_dataset.main(argv) == 0
    names = sorted(path.name for path in out.iterdir())
    assert names == ['sheet.jpg', 'v_0.jpg', 'v_1.jpg', 'v_2.jpg']
    assert cv2.imread(str(out / 'sheet.jpg')).shape[1] > 3 * 480
    assert browse_dataset.main([*argv, '--sources', 'w']) == 2
    assert "--sources ['w']: there are ['v']" in capsys.readouterr().err
