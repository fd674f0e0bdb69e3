"""gRPC: the server, the services, who may call them."""
