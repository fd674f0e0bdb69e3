"""Where a test run's RabbitMQ comes from: this machine's package, Docker, or apt-get."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from typing import Protocol

from tests.support.rabbitmq.endpoint import Endpoint
from tests.support.rabbitmq.local import RabbitMQ, installed_script

HELP = """\
These tests need a RabbitMQ, and none could be had:
{reasons}
Do one of:
  - install it: apt-get install rabbitmq-server (it need not run, the tests start their own)
  - KULL_TEST_RABBITMQ=its rabbitmq-server, the folder of an unpacked archive, or the root folder of
    another system that has it (from debootstrap, say)
  - start Docker
  - KULL_TEST_AMQP_URL=amqp://user:password@host:5672 with the management plugin
    (KULL_TEST_RABBITMQ_API=http://user:password@host:15672 if it is elsewhere)
  - leave them out: pytest -m 'not rabbitmq'"""


class NoRabbitMQ(RuntimeError):
    """No RabbitMQ could be had; the text says what to do."""


class Source(Protocol):
    """A RabbitMQ that is ours to start and stop."""

    endpoint: Endpoint

    def start(self) -> None:
        """Return when it serves."""
        ...

    def close(self) -> None:
        """Stop it and leave nothing behind. Idempotent."""
        ...


def start() -> Source:
    """Start a RabbitMQ in the first way that works. Raises NoRabbitMQ."""
    reasons = []
    if installed_script() is not None:
        return _started(RabbitMQ())
    reasons.append("  no rabbitmq-server package is installed")
    source = _container(reasons)
    if source is not None:
        return source
    if _apt_install(reasons):
        return _started(RabbitMQ())
    raise NoRabbitMQ(HELP.format(reasons="\n".join(reasons)))


def _container(reasons: list[str]) -> Source | None:
    from docker.errors import DockerException  # slow to import, and rarely needed

    from tests.support.rabbitmq.container import ContainerRabbitMQ

    try:
        return _started(ContainerRabbitMQ())
    except DockerException as error:
        reasons.append(f"  no container: {error}")
        return None


def _apt_install(reasons: list[str]) -> bool:
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        reasons.append("  cannot install the package: no apt-get, or not root")
        return False
    sys.stderr.write("installing rabbitmq-server\n")
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1"}
    for command in (
        ["apt-get", "update", "-q"],
        ["apt-get", "install", "-qy", "--no-install-recommends", "rabbitmq-server"],
    ):
        done = subprocess.run(command, env=environment, stdout=sys.stderr.fileno(), check=False)
        if done.returncode:
            reasons.append(f"  {' '.join(command)} failed, see its output")
            return False
    return installed_script() is not None


def _started(source: Source) -> Source:
    try:
        source.start()
    except BaseException:
        source.close()
        raise
    return source
