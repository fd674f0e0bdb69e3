"""A whole mesh of real processes under load, killed and cut at random, with a ledger that counts.

`make chaos MINUTES=10`, or `python -m tests.chaos --minutes 10 --seed 7`.
"""
