"""Events kept durably until RabbitMQ has confirmed them."""
