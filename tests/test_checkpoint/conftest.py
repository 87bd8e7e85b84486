"""The toy runner for this room."""

from helpers.toy_runner import make_runner  # noqa: F401  (a fixture)
