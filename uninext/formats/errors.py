"""What a reader raises where a file is not as expected."""

from __future__ import annotations


class DatasetError(ValueError):
    """A dataset on disk is not what was expected; the message says what to do."""
