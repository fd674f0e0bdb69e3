"""Errors of the command line: one clear line each, never a traceback."""

from __future__ import annotations


class MeshError(Exception):
    """Something the person at the keyboard can do something about; the text says what."""
