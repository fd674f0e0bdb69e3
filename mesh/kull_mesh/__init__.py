"""The `kull` command: the whole mesh in one process, its single roles, and small tools."""

from importlib.metadata import version

__version__ = version("kull-mesh")

__all__ = ["__version__"]
