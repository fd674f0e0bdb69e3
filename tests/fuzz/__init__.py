"""Broken and hostile input by the hundred thousand: `python -m tests.fuzz`."""
