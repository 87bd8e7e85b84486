"""BDD100K detection and instance segmentation: COCO's AP and AR, class by class.

COCO dictionaries in; metrics of each class and of all classes, 0 to 1, out.
"""

from __future__ import annotations

from uninext.evaluation.functional.coco import coco_evaluation, coco_metrics

OVERALL = 'OVERALL'


def detection_metrics(
    ground_truth: dict[str, list[dict]], results: list[dict], kind: str = 'bbox'
) -> dict[str, dict[str, float]]:
    """AP and AR as BDD100K reports them.

    Args:
        ground_truth: COCO dictionary; annotations with ``iscrowd`` 1 are neither to be
            found nor wrong to be found.
        results: COCO results ``{image_id, category_id, score, bbox | segmentation}``.
        kind: ``bbox`` or ``segm``.

    Returns:
        Class name -> metrics, 0 to 1, and ``OVERALL``: their mean over classes that
        have one. NaN where there is no object to find.
    """
    evaluation = coco_evaluation(ground_truth, results, kind)
    name_of = {
        category['id']: category['name'] for category in ground_truth['categories']
    }
    names = [name_of[category_id] for category_id in evaluation.params.catIds]
    metrics: dict[str, dict[str, float]] = {}
    for position, name in enumerate([*names, OVERALL]):
        classes = slice(None) if name == OVERALL else slice(position, position + 1)
        of_class = coco_metrics(evaluation, classes)
        metrics[name] = {k: v if v > -1 else float('nan') for k, v in of_class.items()}
    return metrics
