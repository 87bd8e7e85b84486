"""Before and after a fine-tuning: metrics side by side, images of predictions."""

from __future__ import annotations

import contextlib
import io
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import mmcv
import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from torch import nn

from uninext.fine_tuning.checks import files_of
from uninext.fine_tuning.config import near_path
from uninext.fine_tuning.plan import FineTuning
from uninext.registry import RUNNERS
from uninext.utils.config_files import test_config
from uninext.utils.defaults import SCORE_THRESHOLD
from uninext.visualization import UninextVisualizer, make_contact_sheet

SHEET = 'contact_sheet.png'
# Metrics that are compared, of those that the metrics give, and their names for people.
METRICS = {
    'coco/bbox_mAP': 'categories: box AP',
    'coco/bbox_mAP_50': 'categories: box AP50',
    'coco/segm_mAP': 'categories: mask AP',
    'coco/segm_mAP_50': 'categories: mask AP50',
    'refexp/bbox_P@0.5': 'expressions: box P@0.5',
    'refexp/segm_P@0.5': 'expressions: mask P@0.5',
    'refexp/segm_oIoU': 'expressions: oIoU',
    'track/HOTA': 'categories: HOTA',
    'track/IDF1': 'categories: IDF1',
    'rvos/J&F': 'expressions: J&F',
    'rvos/J_mean': 'expressions: J',
    'rvos/F_mean': 'expressions: F',
}


def start_runner(cfg: Config, work_dir: str | Path) -> Runner:
    """A runner that evaluates the weights that a training would start from as a whole.

    They are those of ``load_from``; a FileError says if they do not fit the model.
    """
    test = test_config(cfg, work_dir)
    test.update(load_from=cfg.load_from, load_allow=[], runner_type=cfg.runner_type)
    init_default_scope('uninext')
    return RUNNERS.build(test)


def evaluate(runner: Runner) -> dict[str, float]:
    """Evaluate what a runner has trained, or started from, on its test data."""
    with contextlib.redirect_stdout(io.StringIO()):  # pycocotools prints
        return runner.test()


def metrics_table(before: Mapping[str, float], after: Mapping[str, float]) -> str:
    """Metrics of the start model, if they were asked for, and of the fine-tuned one.

    Returns:
        Lines: a header, then one for each of ``METRICS`` that was measured.
    """
    lines = [f'{"":<23}  {"before":>6}  {"after":>6}']
    for key, name in METRICS.items():
        found = [k for k in after if k == key or k.endswith('/' + key)]
        for full in found:
            start = f'{before[full]:.3f}' if full in before else '-'
            lines.append(f'{name:<23}  {start:>6}  {after[full]:6.3f}')
    return '\n'.join(lines)


def predict_command(plan: FineTuning, checkpoint: Path) -> str:
    """The command that asks the new model for what it has learned."""
    val = plan.parts[0].val
    record = val.records[0]
    source = Path(near_path(val.images)) / files_of(record)[0]
    asked = ['--categories', ', '.join(val.names)]
    if val.kind.has_expressions:
        asked = ['--expression', record['expressions'][0]]
    if val.kind.scenes == 'videos':
        source = source.parent
        asked.append('--as-video')
    command = ['uninext', 'predict', str(source), '--model', str(checkpoint), *asked]
    return shlex.join(command)


def draw_held_out(
    plan: FineTuning,
    runner: Runner,
    folder: Path,
    score_thr: float = SCORE_THRESHOLD,
) -> Path | None:
    """Draw some of the images that a fine-tuning was evaluated on.

    Args:
        plan: Says what was held out.
        runner: Has the model and the test data.
        folder: To write to.
        score_thr: Of categories.

    Returns:
        Path of the contact sheet; None of videos.
    """
    if plan.parts[0].val.kind.scenes == 'videos':
        return None
    dataset = runner.test_loop.dataloader.dataset
    datasets = getattr(dataset, 'datasets', [dataset])
    return draw_predictions(runner.model, datasets, folder, score_thr=score_thr)


def draw_predictions(
    model: nn.Module,
    datasets: Sequence[Any],
    out_dir: str | Path,
    num_images: int = 8,
    score_thr: float = SCORE_THRESHOLD,
) -> Path:
    """Draw ground truth beside predictions, and a sheet of all.

    Args:
        model: With mmengine's ``test_step``.
        datasets: Test sets of mmengine, whose samples are spread evenly; ``metainfo``
            names their classes.
        out_dir: Images are written here, and ``contact_sheet.png``, which is returned.
        num_images: Of every dataset, at most.
        score_thr: Of categories, to be drawn.

    Raises:
        ValueError: If there is no sample to draw.
    """
    out_dir = Path(out_dir)
    out_dir.mkdir(parents=True, exist_ok=True)
    drawn = []
    visualizer = UninextVisualizer()
    model.eval()
    for index, dataset in enumerate(datasets):
        visualizer.dataset_meta = dataset.metainfo
        for image, sample in _predict(model, dataset, num_images):
            name = f'{index}_{len(drawn):03d}_{Path(sample.img_path).stem}.png'
            visualizer.add_datasample(
                'predictions',
                image,
                sample,
                out_file=str(out_dir / name),
                pred_score_thr=score_thr,
            )
            drawn.append(visualizer.get_image())
    if not drawn:
        raise ValueError('There is no sample to draw: the datasets are empty.')
    path = out_dir / SHEET
    sheet = make_contact_sheet(drawn, num_columns=2, cell_width=640)
    mmcv.imwrite(sheet[..., ::-1], str(path))
    return path


def _predict(
    model: nn.Module, dataset: Any, count: int
) -> Iterator[tuple[np.ndarray, Any]]:
    """Images (H, W, 3) RGB and samples with predictions, spread over a set."""
    chosen = np.linspace(0, len(dataset) - 1, min(count, len(dataset)))
    for position in chosen.round().astype(int).tolist():
        with torch.no_grad():
            (sample,) = model.test_step(pseudo_collate([dataset[position]]))
        yield mmcv.imread(sample.img_path, channel_order='rgb'), sample
