"""The gRPC services of the router, one file each."""
