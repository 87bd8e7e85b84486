"""Installs ``uninext``; what and how is written in setup.cfg."""

from setuptools import setup

setup()
