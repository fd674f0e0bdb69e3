"""Which router serves which session, without I/O."""
