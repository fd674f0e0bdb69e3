"""A deployment over several machines: each node a host of its own, whose links can be cut.

The hosts are network namespaces on one bridge; what needs them asks for the fixture `network`.
"""
