"""`python -m kull_mesh` is the `kull` command."""

from __future__ import annotations

from kull_mesh.cli import main

main()
