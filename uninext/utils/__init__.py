"""Shared helpers that know nothing of models or data.

``config_files``: configs as they are read and changed.
``defaults``: numbers that several rooms have in common.
``figures``: figures of matplotlib as files.
``error_origin``: whose an error is, the user's or ours.
``files``: written whole or not at all. ``image_files``: which are images, in order.
``inference_scale``: the size that a config evaluates at.
``late_packages``: packages of OpenMMLab, imported name by name.
``optional_imports``: stand-ins for compiled extensions that may be absent.
``screen``: what goes to the log file alone.
``serving_limits``: what visitors of the web page may ask for.
``text``: category names and expressions as people write them.
``tokenizer``: where the text vocabulary comes from.
``video_writer``: frames into a playable mp4.
``without_draws``: networks whose first random numbers are not made.
"""
