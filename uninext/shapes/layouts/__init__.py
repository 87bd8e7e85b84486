"""The layouts in which benchmarks are downloaded, for their converters and datasets.

``image_sets``: COCO, Objects365, REFER, images of BDD100K. ``box_videos``: LaSOT,
GOT-10k, TrackingNet. ``mask_videos``: YouTube-VOS, DAVIS 2017, Ref-YouTube-VOS.
``json_videos``: YouTube-VIS, OVIS, videos of BDD100K. ``files``: what they share.
"""
