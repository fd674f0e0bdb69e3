"""Thousands of devices in a process of their own, and a steady stream of events for them."""
