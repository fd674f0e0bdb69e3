"""Pure rules that several packages apply in the same way: nobody has to agree on them.

Its modules import the standard library alone; `make contract` copies them to the SDKs.
"""
