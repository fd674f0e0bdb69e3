# Generated from protos/kull_protos/contract/__init__.py by `make contract`: do not edit.
"""What edge, router and SDKs must agree on, said once.

Its modules import the standard library alone. Packages that may not import this one get copies and
tables, written by `make contract`.
"""
