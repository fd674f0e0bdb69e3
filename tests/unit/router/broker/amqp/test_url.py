from __future__ import annotations

import pytest
from hypothesis import strategies as st

from kull_producers.events.message import Message
from kull_router.broker.amqp import AmqpUrl
from kull_router.errors import ConfigError

TEXT = st.text(st.characters(codec="utf-8"), max_size=40)
HEADERS = st.dictionaries(
    TEXT.filter(bool), TEXT | st.booleans() | st.integers(-(2**63), 2**63 - 1), max_size=6
)
MESSAGES = st.builds(
    Message,
    exchange=st.just("kull.credit"),
    routing_key=TEXT,
    body=st.binary(max_size=300),
    message_id=TEXT.filter(bool),
    type=TEXT.filter(bool),
    app_id=TEXT.filter(bool),
    headers=HEADERS,
)


def test_a_url_is_taken_apart() -> None:
    url = AmqpUrl.parse("amqps://us%40er:p%2Fw@rabbit.example:5700/my%2Fhost?cafile=/ca.pem")
    assert (url.host, url.port, url.user, url.password) == ("rabbit.example", 5700, "us@er", "p/w")
    assert (url.vhost, url.tls, url.cafile) == ("my/host", True, "/ca.pem")
    assert "p/w" not in f"{url} {url!r}"


@pytest.mark.parametrize(
    ("text", "port", "vhost"),
    [
        ("amqp://localhost", 5672, "/"),
        ("amqp://localhost/", 5672, "/"),
        ("amqps://localhost/%2F", 5671, "/"),
        ("amqp://[::1]:1/kull", 1, "kull"),
    ],
)
def test_what_a_url_leaves_out_has_the_usual_default(text: str, port: int, vhost: str) -> None:
    url = AmqpUrl.parse(text)
    assert (url.port, url.vhost, url.user, url.password) == (port, vhost, "guest", "guest")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "localhost:5672",
        "http://u:hidden@h/",
        "amqp://u:hidden@h:port/",
        "amqp://u:hidden@h?x=1",
    ],
)
def test_a_wrong_url_is_refused_without_showing_the_password(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        AmqpUrl.parse(text)
    assert "KULL_AMQP_URL" in str(caught.value)
    assert "hidden" not in str(caught.value)
