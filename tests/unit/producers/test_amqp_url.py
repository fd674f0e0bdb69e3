"""The hosts of an AMQP URL are taken apart."""

from __future__ import annotations

import pytest

from kull_producers.amqp_url import each_host, host_and_port


def test_each_host_has_the_account_the_virtual_host_and_the_options() -> None:
    assert each_host("amqps://u:p%40w@a:1,b,[::1]:5673/v%2Fh?cafile=/ca.pem") == [
        "amqps://u:p%40w@a:1/v%2Fh?cafile=/ca.pem",
        "amqps://u:p%40w@b/v%2Fh?cafile=/ca.pem",
        "amqps://u:p%40w@[::1]:5673/v%2Fh?cafile=/ca.pem",
    ]


@pytest.mark.parametrize(
    "url", ["amqp://localhost", "amqp://h?cafile=/a,b", "amqp://u,x:p,w@h/a,b", "amqp://h/a@b,c"]
)
def test_a_comma_elsewhere_parts_no_hosts(url: str) -> None:
    assert each_host(url) == [url]


@pytest.mark.parametrize(
    "url",
    [
        "",
        "a,b",
        "http://u:hidden@a/",
        "amqp://u:hidden@a,/",
        "amqp://u:hidden@,b/",
        "amqp://u:hidden@a:1,b:x/",
        "amqp://u:hidden@a:99999/",
    ],
)
def test_what_names_no_host_is_refused_without_showing_the_password(url: str) -> None:
    with pytest.raises(ValueError) as caught:
        each_host(url)
    assert "hidden" not in str(caught.value)


def test_a_port_that_is_left_out_is_that_of_the_scheme() -> None:
    assert host_and_port("amqp://u:p@a/v") == ("a", 5672)
    assert host_and_port("amqps://a") == ("a", 5671)
    assert host_and_port("amqp://[::1]:7") == ("::1", 7)
