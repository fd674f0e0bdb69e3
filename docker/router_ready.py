"""Health check of the router container: exit 0 when it is connected to RabbitMQ.

A standby owns no shard and is well.
"""

from __future__ import annotations

import sys

import grpc

from kull_protos.mesh.v1 import admin_pb2, admin_pb2_grpc

if __name__ == "__main__":
    with grpc.insecure_channel(f"127.0.0.1:{sys.argv[1]}") as channel:
        try:
            admin = admin_pb2_grpc.AdminServiceStub(channel)
            router = admin.ListNodes(admin_pb2.ListNodesRequest(), timeout=3).router
        except grpc.RpcError as error:
            sys.exit(f"no answer: {error}")
    if not router.broker_connected:
        sys.exit("not connected to RabbitMQ")
