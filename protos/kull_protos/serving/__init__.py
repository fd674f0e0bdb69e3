"""How every role listens: descriptors, the accept loop, and a page for probes and metrics.

`make contract` copies its modules to the gateway.
"""
