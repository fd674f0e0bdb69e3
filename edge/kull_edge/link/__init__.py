"""The link to a router: its port, gRPC and the in-memory twin."""
