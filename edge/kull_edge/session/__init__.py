"""One device on one connection, without I/O: what it follows, asks and is told."""
