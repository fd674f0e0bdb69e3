"""RabbitMQ: the port, the adapter and the in-memory twin."""
