"""The `kull` command in this process."""

from tests.support.command import Kull, Ran, home, kull

__all__ = ["Kull", "Ran", "home", "kull"]
