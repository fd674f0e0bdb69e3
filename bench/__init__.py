"""Benchmarks: of parts, one script each, and of the whole beside its peers: `python -m bench`."""
