"""One evaluator a task: the only place where predictions meet ground truth.

A test metric (``evaluation.metrics``) hands it what the network predicted, ``uninext
eval`` (``evaluation.result_files``) what a file holds; both get the same metrics by
construction. Plain numpy; neither torch nor mmdet is needed.

``base``: what all evaluators share.
``tracks``: MOT and MOTS, by the protocols of MOTChallenge.
``bdd100k``: tracking by the rules of BDD100K.
``referring``, ``single_object``, ``video_objects``, ``video_instances``: the tasks.
Detection and segmentation of images have mmdet's ``CocoMetric``; ``uninext eval coco``
runs the same pycocotools (``functional.coco``), and a test compares them.
"""
