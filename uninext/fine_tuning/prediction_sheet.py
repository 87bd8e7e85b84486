"""Pictures of what a model finds, and a sheet with all of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import mmcv
import numpy as np
import torch
from mmengine.dataset import pseudo_collate
from torch import nn

from uninext.visualization import UninextVisualizer, make_contact_sheet


def draw_predictions(
    model: nn.Module,
    datasets: Sequence[Any],
    out_dir: str | Path,
    num_pictures: int = 8,
    score_thr: float = 0.3,
) -> Path:
    """Draw ground truth beside predictions.

    Args:
        model: With mmengine's ``test_step``.
        datasets: Test sets of mmengine, whose samples are spread evenly; ``metainfo``
            names their classes.
        out_dir: Pictures are written here, and ``contact_sheet.png``.
        num_pictures: Of every dataset, at most.
        score_thr: Predictions below are left out.

    Returns:
        Path of the contact sheet.

    Raises:
        ValueError: If there is no sample to draw.
    """
    out_dir = Path(out_dir)
    out_dir.mkdir(parents=True, exist_ok=True)
    pictures = []
    visualizer = UninextVisualizer()
    model.eval()
    for index, dataset in enumerate(datasets):
        visualizer.dataset_meta = dataset.metainfo
        for image, sample in _predict(model, dataset, num_pictures):
            name = f'{index}_{len(pictures):03d}_{Path(sample.img_path).stem}.png'
            visualizer.add_datasample(
                'found',
                image,
                sample,
                out_file=str(out_dir / name),
                pred_score_thr=score_thr,
            )
            pictures.append(visualizer.get_image())
    if not pictures:
        raise ValueError('There is no sample to draw: the datasets are empty.')
    path = out_dir / 'contact_sheet.png'
    sheet = make_contact_sheet(pictures, num_columns=2, cell_width=640)
    mmcv.imwrite(sheet[..., ::-1], str(path))
    return path


def _predict(
    model: nn.Module, dataset: Any, count: int
) -> Iterator[tuple[np.ndarray, Any]]:
    """Pictures (H, W, 3) RGB and samples with predictions, spread over a set."""
    chosen = np.linspace(0, len(dataset) - 1, min(count, len(dataset)))
    for position in chosen.round().astype(int).tolist():
        with torch.no_grad():
            (sample,) = model.test_step(pseudo_collate([dataset[position]]))
        yield mmcv.imread(sample.img_path, channel_order='rgb'), sample
