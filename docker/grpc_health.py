"""Health check of the router container: exit 0 when its gRPC health service says SERVING."""

from __future__ import annotations

import sys

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

if __name__ == "__main__":
    with grpc.insecure_channel(f"127.0.0.1:{sys.argv[1]}") as channel:
        try:
            answer = health_pb2_grpc.HealthStub(channel).Check(
                health_pb2.HealthCheckRequest(), timeout=3
            )
        except grpc.RpcError as error:
            sys.exit(f"no answer: {error}")
    if answer.status != health_pb2.HealthCheckResponse.SERVING:
        sys.exit(f"not serving: {answer.status}")
