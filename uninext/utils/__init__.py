"""Shared helpers that know nothing of models or data.

``optional_imports``: stand-ins for compiled extensions that may be absent.
``tokenizer``: where the text vocabulary comes from.
"""
