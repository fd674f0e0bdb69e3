"""What every test run has: an environment without KULL_ settings, and fixtures for all it needs."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

pytest_plugins = ("tests.support.plugins.things", "tests.support.plugins.isolation")

# How long an example takes says more of the machine than of the code.
settings.register_profile("kull", deadline=None)
settings.load_profile("kull")


def pytest_configure(config: pytest.Config) -> None:
    """Drop the developer's own KULL_ settings."""
    for name in list(os.environ):
        if name.startswith("KULL_") and not (
            name.startswith("KULL_TEST_") or name.endswith("_IMAGE")
        ):
            del os.environ[name]
