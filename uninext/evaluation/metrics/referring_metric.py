"""REC and RES: is the one box (mask) that answers an expression the right one?

Reads the data samples that leave the predictor. Ground truth is taken from the meta
key ``instances``, which no transform touches, so both sides are in the frame of the
original image whatever the pipeline resizes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from mmengine.evaluator import BaseMetric
from mmengine.logging import MMLogger
from terminaltables import AsciiTable

from uninext.evaluation.evaluators.referring import (
    METRIC_KINDS,
    Referent,
    ReferringEvaluator,
)
from uninext.formats.json_file import write_json
from uninext.formats.rle import decode_segmentation, encode_mask
from uninext.registry import METRICS

RESULTS_CATEGORY_ID = 1  # published result files know one category


@METRICS.register_module()
class ReferringMetric(BaseMetric):
    """P@0.5 to P@0.9, oIoU and mIoU of the best prediction of every expression.

    mmdet's ``RefExpMetric`` is another: it counts whether any of the best 1,
    5 or 10 boxes is right and knows no masks.

    A sample is one expression: a dict with ``pred_instances`` (``bboxes`` (N, 4) xyxy
    pixels of the original image, ``scores`` (N,), and for ``segm`` ``masks``
    (N, H, W) bool), ``img_id``, ``ori_shape`` (H, W), ``prompt`` and ``instances``:
    a list with the target, ``dict(bbox=[x1, y1, x2, y2], mask=polygons or RLE)``. The
    meta key ``expression``, where it is, names the expression in the result file
    instead of the prompt. Several expressions about one object count each. An
    expression without a prediction is a miss. An expression whose target has no mask
    counts in the metrics of boxes only.

    Follows: published evaluation, IoU strictly above the threshold.

    Args:
        metric: ``'bbox'``, ``'segm'`` or both.
        outfile_prefix: Where to write ``<prefix>_instances_results.json``; nothing
            is written if None.
        **kwargs: ``collect_device`` and ``prefix``, as of mmengine's ``BaseMetric``.

    Raises:
        ValueError: If ``metric`` names something else or nothing.
    """

    default_prefix = 'refexp'

    def __init__(
        self,
        metric: str | Sequence[str] = METRIC_KINDS,
        outfile_prefix: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        metrics = [metric] if isinstance(metric, str) else list(metric)
        if not metrics or not set(metrics) <= set(METRIC_KINDS):
            raise ValueError(f'metric must be of {METRIC_KINDS}, got {metric!r}.')
        self.evaluator = ReferringEvaluator(tuple(metrics))
        self.outfile_prefix = outfile_prefix

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Reduce every sample to its overlaps and a record for the result file.

        Raises:
            ValueError: If a sample has no ``instances``, more than one target, or no
                masks where ``segm`` is asked for.
        """
        for data_sample in data_samples:
            prompt = data_sample.get('prompt')
            if prompt is not None and not prompt.pooled:
                self.results.append({})  # of another set: MultiDatasetsEvaluator
                continue
            target = _find_target(data_sample)
            best = _best_prediction(data_sample)
            result = {'record': self._make_record(data_sample, best)}
            if target is not None:
                state = self.evaluator.start()
                self.evaluator.add(state, *self._pair(data_sample, best, target))
                result['overlaps'] = self.evaluator.finish(state)
            self.results.append(result)

    def compute_metrics(self, results: list[dict]) -> dict[str, float]:
        """Summarize all ranks' results.

        Returns:
            ``<metric>_P@0.5`` ... ``<metric>_P@mean``, ``<metric>_oIoU``,
            ``<metric>_mIoU`` for every metric that has a target, in [0, 1].

        Raises:
            ValueError: If a sample was not asked for by an expression.
        """
        if not all(results):
            raise ValueError(
                'ReferringMetric evaluates expressions, but some samples were asked '
                'for by category names. Give it a ReferringDataset, alone or as one '
                'set of a MultiDatasetsEvaluator.'
            )
        logger: MMLogger = MMLogger.get_current_instance()
        if self.outfile_prefix is not None:
            path = f'{self.outfile_prefix}_instances_results.json'
            records = [r['record'] for r in results if r['record'] is not None]
            write_json(records, path)
            logger.info(f'{len(records)} predictions are saved in {path}')
        overlaps = {i: r['overlaps'] for i, r in enumerate(results) if 'overlaps' in r}
        if len(overlaps) < len(results):
            num_untold = len(results) - len(overlaps)
            logger.warning(f'{num_untold} expressions have no target and do not count')
        summaries = self.evaluator.summarize(overlaps)
        metrics, rows = {}, []
        for kind in self.evaluator.kinds:
            if kind not in summaries:
                logger.warning(f'no expression has a target for {kind}: no metrics')
                continue
            number, *values = summaries[kind].values()
            header = ['', 'expressions', *list(summaries[kind])[1:]]
            metrics.update({f'{kind}_{key}': v for key, v in zip(header[2:], values)})
            shares = (f'{100 * value:.2f}' for value in values)
            rows.append([kind, str(number), *shares])
        if rows:
            logger.info('\n' + AsciiTable([header, *rows]).table)
        return metrics

    def _pair(
        self, data_sample: dict, best: dict, target: dict
    ) -> tuple[Referent, Referent]:
        """The object of an expression, as annotated and as predicted."""
        ground_truth = Referent(target['bbox'])
        if 'segm' not in self.evaluator.kinds or not target.get('mask'):
            return ground_truth, Referent(best.get('bbox'))
        size = data_sample['ori_shape'][:2]
        ground_truth = ground_truth._replace(
            mask=decode_segmentation(target['mask'], *size)
        )
        return ground_truth, Referent(
            best.get('bbox'), _best_mask(best) if best else None
        )

    def _make_record(self, data_sample: dict, best: dict) -> dict | None:
        """Write a prediction as published result files do; None if there is none."""
        if not best:
            return None
        x1, y1, x2, y2 = (float(value) for value in best['bbox'])
        record = {
            'image_id': data_sample['img_id'],
            'category_id': RESULTS_CATEGORY_ID,
            'bbox': [x1, y1, x2 - x1, y2 - y1],
            'score': float(best['score']),
            'expression': _expression(data_sample),
        }
        if 'segm' in self.evaluator.kinds:
            record['segmentation'] = encode_mask(_best_mask(best))
        return record


def _find_target(data_sample: dict) -> dict | None:
    if 'instances' not in data_sample:
        raise ValueError(
            "A data sample has no meta key 'instances', where the target of an "
            "expression is read from. Add 'instances' to meta_keys of the test "
            "pipeline's packing transform."
        )
    targets = [t for t in data_sample['instances'] if not t.get('ignore_flag', 0)]
    if len(targets) > 1:
        raise ValueError(
            f'An expression must have one target, but sample {data_sample["img_id"]!r} '
            f'has {len(targets)}. Write one image record per referred object, as '
            'tools/dataset_converters do.'
        )
    return targets[0] if targets else None


def _best_prediction(data_sample: dict) -> dict[str, Any]:
    """Take the highest score; an empty dict where nothing was predicted."""
    pred = data_sample['pred_instances']
    if 'scores' not in pred or len(pred['scores']) == 0:
        return {}
    index = int(pred['scores'].argmax())
    best = {
        'bbox': pred['bboxes'][index].detach().cpu().numpy(),
        'score': float(pred['scores'][index]),
    }
    if 'masks' in pred:
        best['mask'] = pred['masks'][index].detach().cpu().numpy().astype(bool)
    return best


def _best_mask(best: dict) -> np.ndarray:
    if 'mask' not in best:
        raise ValueError(
            "ReferringMetric is asked for 'segm', but the predictions have no masks. "
            "Let the predictor make masks, or set metric='bbox'."
        )
    return best['mask']


def _expression(data_sample: dict) -> str:
    if data_sample.get('expression'):
        return data_sample['expression']
    if 'prompt' not in data_sample:
        raise ValueError(
            f'Sample {data_sample["img_id"]!r} has neither a prompt nor the meta key '
            "'expression', so its prediction cannot be told from others in a "
            'result file.'
        )
    return data_sample['prompt'].names[0]
