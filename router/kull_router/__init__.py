"""The central router: per-user queues, shard ownership, delivery to the edges."""

__version__ = "0.1.0"

__all__ = ["__version__"]
