"""Layouts of files: one module each, its reader and its writer together.

numpy, pycocotools and PIL only, so that converters and ``uninext eval`` start at once
(``outlines`` imports OpenCV when it draws).

``box_text``: one box a frame as text.
``boxes``: corners and sides, IoU, cut to a frame.
``coco``: annotations of images.
``cvat``, ``label_studio``, ``labelme``, ``yolo``: labels of images, from what was
``predicted``; masks become polygons, ``outlines``.
``index_png``: images whose pixels are object ids.
``mot_text``: tracks as lines, MOTChallenge and MOTS.
``rle``: masks as run-length codes.
``scalabel``: labels and results of BDD100K.
``youtube_vis``: annotations of videos.
``json_file``: JSON and text, read and written whole.
``errors``: what a reader raises.
"""
