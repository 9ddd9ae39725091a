"""Tests of address checks and of the guarded proxy."""

from __future__ import annotations

import ipaddress
import socket
import threading
from collections.abc import Callable

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.errors import Unreadable
from rag.ingest.fetch.addresses import Forbidden, is_own_address, is_public, resolve, resolve_allowed, validate_url
from rag.ingest.fetch.proxy import GuardedProxy
from tests.rag.ingest.fetch.site import html, raw_site, site

PRIVATE = [
    "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
    "255.255.255.255", "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "ff02::1", "::ffff:10.0.0.1",
    "2002:0a00:0001::1", "64:ff9b::a00:1", "64:ff9b::7f00:1", "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "fec0::1", "::10.0.0.1", "::93.184.216.34", "64:ff9b:1::a00:1", "64:ff9b:1::5db8:d822", "::ffff:0:5db8:d822",
    "2606:2800:220:1::1%eth0", "2606:2800::5efe:10.0.0.1", "2606:2800::200:5efe:192.168.0.1", "5f00::1", "100::1",
    "2001:db8::1", "3fff::1", "2001:2::1", "4000::1", "192.88.99.1", "198.18.0.1", "240.0.0.1", "192.0.0.1",
    "not an address", "127.1", "0x7f000001",
]  # fmt: skip


@pytest.mark.parametrize("address", PRIVATE)
def test_non_public_addresses_are_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address", ["93.184.216.34", "2606:2800:220:1::1", "::ffff:93.184.216.34", "64:ff9b::5db8:d822"]
)
def test_public_addresses_are_public_in_every_notation(address: str) -> None:
    assert is_public(address)


@given(st.ip_addresses(v=6))
def test_only_global_unicast_and_wrapped_addresses_are_public_in_ipv6(address: ipaddress.IPv6Address) -> None:
    wraps = address.ipv4_mapped is not None or address in ipaddress.ip_network("64:ff9b::/96")
    assert not is_public(str(address)) or wraps or address in ipaddress.ip_network("2000::/3")


@pytest.mark.parametrize("address", ["127.0.0.1", "127.3.4.5", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::1"])
def test_own_addresses_are_recognized_in_every_notation(address: str) -> None:
    assert is_own_address(address)


@pytest.mark.parametrize("address", ["93.184.216.34", "2606:2800:220:1::1", "::ffff:93.184.216.34", "no address"])
def test_foreign_addresses_are_not_own(address: str) -> None:
    assert not is_own_address(address)


def test_source_address_of_packets_is_own() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect(("127.0.0.1", 9))
        assert is_own_address(probe.getsockname()[0])


def test_own_public_address_is_refused_unless_its_host_is_allowed() -> None:
    def is_mine(address: str) -> bool:
        return address == "93.184.216.34"

    with pytest.raises(Forbidden):
        resolve_allowed("docs.example", 443, (), resolver("93.184.216.35", "93.184.216.34"), is_mine)
    assert resolve_allowed("docs.example", 443, (), resolver("93.184.216.35"), is_mine)
    assert resolve_allowed("docs.example", 443, ("docs.example",), resolver("93.184.216.34"), is_mine)


@pytest.mark.parametrize("host", ["127.1", "0x7f.1", "2130706433", "017700000001", "127.0.0.1", "localhost"])
def test_odd_notations_of_this_machine_are_refused(host: str) -> None:
    with pytest.raises((Forbidden, OSError)):  # OSError if the system does not accept the notation
        resolve_allowed(host, 80, (), resolve)


@pytest.mark.parametrize("port", [22, 25, 6000, 6667])
def test_ports_of_other_protocols_are_refused_for_every_host(port: int) -> None:
    with pytest.raises(Forbidden):
        resolve_allowed("docs.example", port, ("docs.example",), resolver("93.184.216.34"))


@given(st.ip_addresses(v=4))
def test_embedding_an_address_does_not_change_whether_it_is_public(address: ipaddress.IPv4Address) -> None:
    mapped = ipaddress.IPv6Address((0xFFFF << 32) | int(address))
    sixtofour = ipaddress.IPv6Address((0x2002 << 112) | (int(address) << 80) | 1)
    assert is_public(str(mapped)) == is_public(str(sixtofour)) == is_public(str(address))


def resolver(*addresses: str) -> Callable[[str, int], list[str]]:
    return lambda host, port: list(addresses)


def test_one_private_address_among_public_ones_is_enough_to_refuse() -> None:
    with pytest.raises(Forbidden):
        resolve_allowed("docs.example", 443, (), resolver("93.184.216.34", "10.0.0.1"))
    assert resolve_allowed("Docs.Example.", 443, ("docs.example",), resolver("10.0.0.1")) == ["10.0.0.1"]


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://host/a",
        "https://",
        "http://[::1",
        "javascript:1",
        "",
        "http://i❤.ws/a",
        "http://a\x00b/",
        "http://[v1.x]/",
        "http://\u2024.com/",
        "http://a.example/\ud800",
    ],
)
def test_invalid_url_is_refused(url: str) -> None:
    with pytest.raises(Unreadable, match="isn't a web address"):
        validate_url(url)


def test_url_with_password_is_refused_and_fragment_is_removed() -> None:
    with pytest.raises(Unreadable, match="password"):
        validate_url("https://user:word@docs.example/")
    assert validate_url(" https://docs.example/a?b=c#d ") == "https://docs.example/a?b=c"


def get(proxy: GuardedProxy, url: str, *, password: str = "") -> httpx.Response:
    through = proxy.url.replace(proxy.password, password) if password else proxy.url
    with httpx.Client(proxy=through, trust_env=False, timeout=5) as client:
        return client.get(url)


def test_only_allowed_hosts_are_reached_among_private_ones() -> None:
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


def test_proxy_requires_its_password() -> None:
    with site(lambda path: html("secret")) as (url, asked), GuardedProxy(("127.0.0.1",), 1 << 20) as proxy:
        assert get(proxy, url, password="guessed").status_code == 407
        assert asked == []


def test_host_is_resolved_once_and_its_address_is_used() -> None:
    """A second lookup could return an address inside the network."""
    answers = iter([["127.0.0.1"], ["10.0.0.1"]])
    with (
        site(lambda path: html("found")) as (url, _),
        GuardedProxy(("docs.example",), 1 << 20, lambda host, port: next(answers)) as proxy,
    ):
        assert "found" in get(proxy, url.replace("127.0.0.1", "docs.example")).text
        assert next(answers) == ["10.0.0.1"]


def test_connection_ends_when_the_limit_of_bytes_is_exceeded() -> None:
    with (
        site(lambda path: (200, {"Content-Type": "text/plain"}, b"x" * 500_000)) as (url, _),
        GuardedProxy(("127.0.0.1",), 100_000) as proxy,
    ):
        with pytest.raises(httpx.RemoteProtocolError):
            get(proxy, url)
        assert proxy.exceeded


def send_raw(proxy: GuardedProxy, *pieces: bytes) -> bytes:
    """Send bytes to the proxy and return its whole answer."""
    with socket.create_connection(("127.0.0.1", port_of(proxy)), 30) as connection:
        for piece in pieces:
            connection.sendall(piece)
        answer = b""
        while block := connection.recv(1 << 16):
            answer += block
        return answer


@pytest.mark.timeout(30)
def test_connection_with_a_slow_head_is_closed() -> None:
    with GuardedProxy((), 1 << 20, head_seconds=0.1) as proxy:
        assert send_raw(proxy, b"GET http://a.example/ HTTP/1.1\r\nX-Long: ") == b""


@pytest.mark.timeout(30)
@pytest.mark.parametrize(
    ("head", "answer"),
    [
        (b"nonsense\r\n\r\n", b""),
        (b"GET http://a.example/ HTTP/1.1\r\nProxy-Authorization: \xff\r\n\r\n", b"407"),
        (b"\r\n\r\n", b""),
    ],
)
def test_malformed_request_only_ends_its_connection(head: bytes, answer: bytes) -> None:
    with GuardedProxy((), 1 << 20) as proxy:
        assert answer in send_raw(proxy, head)


@pytest.mark.timeout(30)
def test_connection_with_a_long_head_is_closed() -> None:
    with GuardedProxy((), 1 << 20) as proxy, pytest.raises(ConnectionError):
        send_raw(proxy, *(b"X-Many: a\r\n" * 1000 for _ in range(10_000)))


def port_of(proxy: GuardedProxy) -> int:
    return int(proxy.server.rpartition(":")[2])


@pytest.mark.timeout(30)
def test_number_of_connections_is_limited() -> None:
    with GuardedProxy((), 1 << 20) as proxy:
        held = [socket.create_connection(("127.0.0.1", port_of(proxy)), 30) for _ in range(64)]
        try:
            assert send_raw(proxy) == b""
        finally:
            for connection in held:
                connection.close()


@pytest.mark.timeout(30)
def test_open_tunnel_is_closed_at_the_deadline() -> None:
    def silent(connection: socket.socket, over: threading.Event) -> None:
        over.wait(25)

    with (
        raw_site(silent) as (url, _),
        GuardedProxy(("127.0.0.1",), 1 << 20, seconds=0.5) as proxy,
        pytest.raises(httpx.RemoteProtocolError),
    ):
        get(proxy, url)
    assert proxy.late


@pytest.mark.parametrize("address", ["not a proxy", "http://nobody.invalid/", "http://a..b/", f"http://{'a' * 64}.b/"])
def test_unreachable_host_gives_bad_gateway(address: str) -> None:
    with GuardedProxy((), 1 << 20) as proxy:
        if "://" in address:
            assert get(proxy, address).status_code == 502
        else:
            assert httpx.get(proxy.server, timeout=5).status_code == 407
