"""docs/protocol.md in code: what devices say, what they get, how a connection begins and ends."""
