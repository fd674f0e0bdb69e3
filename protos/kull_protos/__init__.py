"""The gRPC contract between edge nodes and routers. Private to the services: no SDK imports it."""
