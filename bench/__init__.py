"""Benchmarks: of parts, one script each, and of the whole beside its rivals: `python -m bench`."""
