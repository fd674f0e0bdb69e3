"""From TCP to a WebSocket: who may connect, the connection, its limits."""
