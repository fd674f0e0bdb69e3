"""RabbitMQ's own way to devices: Web MQTT, QoS 1, persistent sessions. The same job in Erlang."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence

from bench.cpu import Roles
from bench.load.outlets import AmqpOutlet, Outlet, Route
from bench.rivals.rival import broker, collect_garbage, objects
from tests.support.ports import free_port

CONFIG = """\
mqtt.listeners.tcp.default = 127.0.0.1:{mqtt}
web_mqtt.tcp.ip = 127.0.0.1
web_mqtt.tcp.port = {port}
web_mqtt.ws_path = /ws
web_mqtt.tcp.backlog = 4096
"""


class WebMqtt:
    """See `Rival`. Each device has a durable queue, bound to its user's topic and to `all`."""

    name = "RabbitMQ Web MQTT"
    promise = "at least once, in order"
    dialect = "mqtt"

    def __init__(self) -> None:
        self._port = free_port()
        self._broker = broker(
            plugins=["rabbitmq_mqtt", "rabbitmq_web_mqtt"],
            config=CONFIG.format(port=self._port, mqtt=free_port()),
        )

    def start(self) -> None:
        """See `Rival.start`."""
        self._broker.start()

    def close(self) -> None:
        """See `Rival.close`."""
        self._broker.close()

    def roles(self) -> Roles:
        """See `Rival.roles`."""
        return Roles({"broker": [self._broker.pid]})

    def urls(self) -> Sequence[str]:
        """See `Rival.urls`."""
        return [f"ws://127.0.0.1:{self._port}"]

    def token(self, user: str, device: str) -> str:
        """See `Rival.token`: RabbitMQ's account, here as user name and password alike."""
        return "guest"

    def outlet(self) -> Callable[[], Outlet]:
        """See `Rival.outlet`: MQTT topics are keys of amq.topic, with dots for slashes."""
        route = Route(url=self._broker.url, exchange="amq.topic", key="user.{user}")
        return functools.partial(AmqpOutlet, route)

    def settle(self) -> None:
        """See `Rival.settle`."""
        collect_garbage(self._broker)

    def broker_objects(self) -> int:
        """See `Rival.broker_objects`."""
        return objects(self._broker)
