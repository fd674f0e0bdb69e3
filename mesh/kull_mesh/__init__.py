"""The `kull` command: the whole mesh in one process, its single roles, and small tools."""

__version__ = "0.1.0"

__all__ = ["__version__"]
