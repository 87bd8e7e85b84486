"""Metrics as pure functions of numpy arrays.

``coco``: AP and AR of boxes and masks, as pycocotools matches them.
``confusion``: which categories are taken for which.
``referring``: overlaps of one prediction with one target, and their summary over a set.
``single_object``: success, precision and overlap of one box a frame.
``video_objects``: J and F of masks, DAVIS and YouTube-VOS.
``video_instances``: AP and AR of tubes of masks.
``tracking``: HOTA, CLEAR and IDF1.
``bdd100k_frames``, ``bdd100k_tracking``, ``bdd100k_detection``: the same by the rules
of BDD100K.
"""
