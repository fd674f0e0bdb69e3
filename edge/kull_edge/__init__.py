"""Kull Sync's edge: holds WebSockets, delivers, carries acknowledgements back."""

from importlib.metadata import version

__version__ = version("kull-edge")

__all__ = ["__version__"]
