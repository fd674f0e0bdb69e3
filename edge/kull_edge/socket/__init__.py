"""From TCP to a WebSocket: the door, the connection, who may open one."""
