"""Looks at files, clocks, RabbitMQ, the store, routers and edges, and changes nothing."""
