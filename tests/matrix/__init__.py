"""The tests on every Python and RabbitMQ that this machine has."""
