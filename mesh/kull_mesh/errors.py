"""The command line's own error: one clear line, never a traceback."""

from __future__ import annotations


class MeshError(Exception):
    """Something the person at the keyboard can do something about; the text says what."""
