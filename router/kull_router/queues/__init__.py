"""A queue and its rules, without I/O, and the store's port with its in-memory twin."""
