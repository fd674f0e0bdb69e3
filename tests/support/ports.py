"""Free ports on the loopback interface."""

from kull_mesh.play.ports import free_port

__all__ = ["free_port"]
