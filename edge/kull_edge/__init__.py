"""Kull Sync's edge: holds WebSockets, delivers, carries acknowledgements back."""

__version__ = "0.1.0"

__all__ = ["__version__"]
