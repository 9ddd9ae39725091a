"""Where a fetch may go: public addresses, and hosts the operator named."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Collection
from typing import TypeAlias
from urllib.parse import urlsplit

import httpx

from rag.errors import Unreadable
from rag.model import SourceKind

URL = SourceKind.URL
"""The kind of a source that a web address names."""

Resolve: TypeAlias = Callable[[str, int], list[str]]
"""Every address of a host. Raise OSError where there is none."""

IPAddress: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
"""RFC 6052: IPv4 addresses as a network without IPv4 writes them."""

_GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")
"""The only part of IPv6 that IANA assigns to the internet. Loopback, site-local, IPv4-compatible, local NAT64, and
whatever gets a meaning later are outside of it."""

_SPECIAL = tuple(
    ipaddress.ip_network(block)
    for block in (
        "192.88.99.0/24",  # relays of 6to4, retired by RFC 7526
        "2001::/23",  # IETF protocols: Teredo, ORCHID, benchmarks
        "3fff::/20",  # documentation, RFC 9637
    )
)
"""Blocks that `ipaddress` counts as global in some of Python's versions, and where no web server is."""

_ISATAP = 0x5EFE
"""RFC 5214: the third quarter of an IPv6 address that tunnels to the IPv4 address in the last, whatever its prefix."""

_NOBODYS = {4: "198.51.100.77", 6: "2001:db8:77::77"}
"""Addresses out of the blocks for documentation (RFC 5737, RFC 3849), which no machine has."""

_ANY_PORT = 9

_BLOCKED_PORTS = frozenset(
    int(port)
    for port in (
        "0 1 7 9 11 13 15 17 19 20 21 22 23 25 37 42 43 53 69 77 79 87 95 101 102 103 104 109 110 111 113 115 "
        "117 119 123 135 137 139 143 161 179 389 427 465 512 513 514 515 526 530 531 532 540 548 554 556 563 "
        "587 601 636 989 990 993 995 1719 1720 1723 2049 3659 4045 4190 5060 5061 6000 6566 6665 6666 6667 "
        "6668 6669 6679 6697 10080"
    ).split()
)
"""Ports of other protocols (mail, shells, files), where a request could pass for a command: the Fetch standard's list,
which browsers keep to as well."""

_LONGEST = 2000


class Forbidden(Exception):
    """The host has an address that is not public and was not named by the operator, or the port is blocked."""


def resolve(host: str, port: int) -> list[str]:
    """As the system resolves it."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[4][0]) for address in found))


def may_go_to(
    host: str,
    port: int,
    allowed: Collection[str],
    resolve: Resolve,
    is_own: Callable[[str], bool] | None = None,
) -> list[str]:
    """The host's addresses, to be connected to as they are: a second look could find others (DNS rebinding).

    Raise Forbidden when one of them is not public or this machine's own, or when the port is blocked, OSError when
    there is none. `is_own` tells this machine's addresses (default: `is_own_address`).
    """
    if port in _BLOCKED_PORTS:
        raise Forbidden(host)
    addresses = resolve(host, port)
    if host.lower().rstrip(".") not in allowed:
        is_own = is_own or is_own_address
        if not all(is_public(address) and not is_own(address) for address in addresses):
            raise Forbidden(host)
    return addresses


def is_public(address: str) -> bool:
    """Whether the whole internet can reach it: no private, loopback, link-local, shared or reserved address.

    An IPv6 address that only wraps an IPv4 one is as public as that. One with a zone id is not public.
    """
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    inner = _inner(ip)
    if isinstance(ip, ipaddress.IPv6Address):
        wraps = ip.ipv4_mapped is not None or ip in _NAT64
        if ip.scope_id is not None or not (wraps or ip in _GLOBAL_UNICAST):
            return False
    return inner.is_global and not inner.is_multicast and not any(inner in block for block in _SPECIAL)


def is_own_address(address: str) -> bool:
    """Whether an interface of this machine has the address now, or has the IPv4 address that it wraps.

    A socket can be bound only to an address of this machine, so no list of interfaces is needed, and the answer is true
    at the moment of asking. Where the system lets a socket be bound to any address (Linux: net.ipv4.ip_nonlocal_bind),
    an address is this machine's own when packets to it would also come from it.
    """
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(
        _can_bind(str(one), one.version)
        and (not _can_bind(_NOBODYS[one.version], one.version) or _source_for(str(one), one.version) == str(one))
        for one in {ip, _inner(ip)}
    )


def _can_bind(address: str, version: int) -> bool:
    try:
        with _datagram(version) as probe:
            probe.bind((address, 0))
    except OSError:
        return False
    return True


def _source_for(address: str, version: int) -> str:
    """The address that packets to this one would come from; "" where no way leads there. Sends nothing."""
    try:
        with _datagram(version) as probe:
            probe.connect((address, _ANY_PORT))
            return str(probe.getsockname()[0])
    except OSError:
        return ""


def _datagram(version: int) -> socket.socket:
    return socket.socket(socket.AF_INET if version == 4 else socket.AF_INET6, socket.SOCK_DGRAM)


def _inner(ip: IPAddress) -> IPAddress:
    """The IPv4 address that an IPv6 address wraps; any other address itself."""
    if isinstance(ip, ipaddress.IPv4Address):
        return ip
    last = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    if ip in _NAT64 or (int(ip) >> 32) & 0xFFFF == _ISATAP:
        return last
    return ip.ipv4_mapped or ip.sixtofour or ip


def checked_url(url: str) -> str:
    """The address without its fragment. Raise Unreadable for what is no web address."""
    try:
        parts = urlsplit(url.strip())
        host, _ = parts.hostname, parts.port
        httpx.URL(parts.geturl())  # a host that cannot be written in DNS, control characters
    except (ValueError, httpx.InvalidURL):
        host = None
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not host or len(url) > _LONGEST:
        raise Unreadable("This is no web address.", "Give an address that begins with https:// or http://.")
    if parts.username or parts.password:
        raise Unreadable("The address holds a password.", "Give it without: it would be kept with the document.")
    return parts._replace(fragment="").geturl()


def is_url(name: str) -> bool:
    """Whether somebody means a web page, and no file."""
    return name.lower().startswith(("https://", "http://"))
