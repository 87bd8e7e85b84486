"""Shared helpers that know nothing of models or data.

``defaults``: numbers that several rooms have in common.
``figures``: figures of matplotlib as files.
``files``: written whole or not at all.
``meta_device``: networks of full size without numbers.
``optional_imports``: stand-ins for compiled extensions that may be absent.
``screen``: what goes to the log file alone.
``text``: category names and expressions as people write them.
``tokenizer``: where the text vocabulary comes from.
``video_writer``: frames into a playable mp4.
"""
