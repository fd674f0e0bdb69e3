"""The part of an application that shares collections of photos."""
