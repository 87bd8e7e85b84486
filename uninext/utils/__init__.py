"""Shared helpers that know nothing of models or data.

``files``: written whole or not at all.
``masks``: masks as annotation files write them.
``meta_device``: networks of full size without numbers.
``optional_imports``: stand-ins for compiled extensions that may be absent.
``scalabel``: labels and results in the layout of BDD100K.
``safe_files``: checkpoints read without running code, written whole.
``tokenizer``: where the text vocabulary comes from.
``video_writer``: frames into a playable mp4.
"""
