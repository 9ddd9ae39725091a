"""The way out goes to public addresses alone, whatever is asked of it."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.errors import Unreadable
from rag.web.addresses import Forbidden, checked_url, is_public, may_go_to
from rag.web.proxy import GuardedProxy
from tests.rag.web.site import html, site

PRIVATE = [
    "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
    "255.255.255.255", "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "ff02::1", "::ffff:10.0.0.1",
    "2002:0a00:0001::1", "64:ff9b::a00:1", "64:ff9b::7f00:1", "2001:0:4136:e378:8000:63bf:3fff:fdd2",
]  # fmt: skip


@pytest.mark.parametrize("address", PRIVATE)
def test_addresses_that_are_not_everybodys_are_none_of_ours(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address", ["93.184.216.34", "2606:2800:220:1::1", "::ffff:93.184.216.34", "64:ff9b::5db8:d822"]
)
def test_public_addresses_are_public_however_they_are_written(address: str) -> None:
    assert is_public(address)


@given(st.ip_addresses(v=4))
def test_wrapping_an_address_makes_it_no_more_public(address: ipaddress.IPv4Address) -> None:
    mapped = ipaddress.IPv6Address((0xFFFF << 32) | int(address))
    sixtofour = ipaddress.IPv6Address((0x2002 << 112) | (int(address) << 80) | 1)
    assert is_public(str(mapped)) == is_public(str(sixtofour)) == is_public(str(address))


def one(*addresses: str) -> Callable[[str, int], list[str]]:
    return lambda host, port: list(addresses)


def test_one_private_address_among_public_ones_is_enough_to_refuse() -> None:
    with pytest.raises(Forbidden):
        may_go_to("docs.example", 443, (), one("93.184.216.34", "10.0.0.1"))
    assert may_go_to("Docs.Example.", 443, ("docs.example",), one("10.0.0.1")) == ["10.0.0.1"]


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://host/a", "https://", "http://[::1", "javascript:1", ""])
def test_what_is_no_web_address_is_refused(url: str) -> None:
    with pytest.raises(Unreadable, match="no web address"):
        checked_url(url)


def test_an_address_with_a_password_is_refused_and_a_fragment_forgotten() -> None:
    with pytest.raises(Unreadable, match="password"):
        checked_url("https://user:word@docs.example/")
    assert checked_url(" https://docs.example/a?b=c#d ") == "https://docs.example/a?b=c"


def get(proxy: GuardedProxy, url: str, *, password: str = "") -> httpx.Response:
    through = proxy.url.replace(proxy.password, password) if password else proxy.url
    with httpx.Client(proxy=through, trust_env=False, timeout=5) as client:
        return client.get(url)


def test_a_named_host_is_reached_and_its_neighbours_are_not() -> None:
    with (
        site(lambda path: html(f"here is {path}")) as (url, asked),
        GuardedProxy(("127.0.0.1",), 1 << 20) as proxy,
    ):
        assert get(proxy, f"{url}/a?b=c").text.endswith("here is /a?b=c</body>")
        assert get(proxy, url.replace("127.0.0.1", "localhost")).status_code == 403
        assert proxy.refused == {"localhost"}
        with pytest.raises(httpx.ProxyError):
            get(proxy, url.replace("http://127.0.0.1", "https://localhost"))
        assert asked == ["/a?b=c"]


def test_nobody_else_may_use_it() -> None:
    with site(lambda path: html("secret")) as (url, asked), GuardedProxy(("127.0.0.1",), 1 << 20) as proxy:
        assert get(proxy, url, password="guessed").status_code == 407
        assert asked == []


def test_a_name_is_asked_for_once_and_its_answer_gone_to() -> None:
    """A second answer, after the look, would be the one that leads inside."""
    answers = iter([["127.0.0.1"], ["10.0.0.1"]])
    with (
        site(lambda path: html("found")) as (url, _),
        GuardedProxy(("docs.example",), 1 << 20, lambda host, port: next(answers)) as proxy,
    ):
        assert "found" in get(proxy, url.replace("127.0.0.1", "docs.example")).text
        assert next(answers) == ["10.0.0.1"]


def test_more_bytes_than_allowed_end_the_connection() -> None:
    with (
        site(lambda path: (200, {"Content-Type": "text/plain"}, b"x" * 500_000)) as (url, _),
        GuardedProxy(("127.0.0.1",), 100_000) as proxy,
    ):
        with pytest.raises(httpx.RemoteProtocolError):
            get(proxy, url)
        assert proxy.exceeded


@pytest.mark.parametrize("address", ["not a proxy", "http://nobody.invalid/"])
def test_what_cannot_be_reached_is_a_bad_gateway(address: str) -> None:
    with GuardedProxy((), 1 << 20) as proxy:
        if "://" in address:
            assert get(proxy, address).status_code == 502
        else:
            assert httpx.get(proxy.server, timeout=5).status_code == 407
