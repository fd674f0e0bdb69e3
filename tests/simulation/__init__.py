"""A deterministic simulation of the whole mesh on virtual time. UNFINISHED: nothing runs it yet.

The loop, the network, the faults, the ledger and the nodes are here; the runner, its command line,
the seeds in `make test` and the mutations that must be caught are not.
"""
