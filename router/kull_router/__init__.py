"""The central router: per-user queues, shard ownership, delivery to the edges."""

from importlib.metadata import version

__version__ = version("kull-router")

__all__ = ["__version__"]
