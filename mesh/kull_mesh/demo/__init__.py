"""The job of `make demo`: a shoot followed on many devices."""
