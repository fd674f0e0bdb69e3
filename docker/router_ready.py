"""Health check of the router container: exit 0 when it is connected to RabbitMQ.

A standby owns no shard and is well. With mutual TLS the router shows its own certificate.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import grpc

from kull_protos.mesh.v1 import admin_pb2, admin_pb2_grpc

DIRECT = [("grpc.enable_http_proxy", 0)]  # a proxy in the environment is not for our own port


def _channel(port: str) -> grpc.Channel:
    files = [os.environ.get(f"KULL_TLS_{part}") for part in ("CA", "KEY", "CERT")]
    if not any(files):
        return grpc.insecure_channel(f"127.0.0.1:{port}", options=DIRECT)
    ca, key, certificate = (Path(file or "").read_bytes() for file in files)
    credentials = grpc.ssl_channel_credentials(ca, key, certificate)
    return grpc.secure_channel(f"localhost:{port}", credentials, options=DIRECT)


if __name__ == "__main__":
    with _channel(sys.argv[1]) as channel:
        try:
            admin = admin_pb2_grpc.AdminServiceStub(channel)
            router = admin.ListNodes(admin_pb2.ListNodesRequest(), timeout=3).router
        except grpc.RpcError as error:
            sys.exit(f"no answer: {error}")
    if not router.broker_connected:
        sys.exit("not connected to RabbitMQ")
