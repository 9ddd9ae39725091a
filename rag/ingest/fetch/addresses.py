"""Addresses that a fetch may connect to: public ones, and those of hosts that the operator allowed."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Collection
from pathlib import Path
from typing import TypeAlias
from urllib.parse import urlsplit

from rag.errors import Unreadable
from rag.model.extraction import SourceKind

URL_KIND = SourceKind.URL
"""The kind of a source that is identified by a URL."""

Resolve: TypeAlias = Callable[[str, int], list[str]]
"""Returns all addresses of a host (host, port). Raises OSError if there are none."""

IPAddress: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
"""RFC 6052: IPv4 addresses embedded in IPv6, for networks without IPv4."""

_GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")
"""The only part of IPv6 that IANA assigns to the internet. It excludes loopback, site-local, IPv4-compatible and local
NAT64 addresses, and blocks that are assigned later."""

_SPECIAL = tuple(
    ipaddress.ip_network(block)
    for block in (
        "192.88.99.0/24",  # 6to4 relays, retired by RFC 7526
        "2001::/23",  # IETF protocols: Teredo, ORCHID, benchmarks
        "3fff::/20",  # documentation, RFC 9637
    )
)
"""Blocks without web servers that `ipaddress` treats as global in some versions of Python."""

_ISATAP = 0x5EFE
"""RFC 5214: an IPv6 address with these low 16 bits in its third quarter tunnels to the IPv4 address in its last."""

_UNUSED_ADDRESSES = {4: "198.51.100.77", 6: "2001:db8:77::77"}
"""Addresses from the documentation blocks (RFC 5737, RFC 3849), which no machine has."""

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
"""Ports of other protocols (mail, shells, files), where a request could be taken as a command. The list is that of the
Fetch standard, which browsers use too."""

_MAX_URL_CHARS = 2000


class Forbidden(Exception):
    """The host has a non-public address and is not allowed by the operator, or the port is blocked."""


def resolve(host: str, port: int) -> list[str]:
    """Resolve a host with the system's resolver. Raise OSError if it has no address."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[4][0]) for address in found))


def resolve_allowed(
    host: str,
    port: int,
    allowed: Collection[str],
    resolve: Resolve,
    is_own: Callable[[str], bool] | None = None,
) -> list[str]:
    """Return the host's addresses if it may be fetched from. Raise Forbidden otherwise, OSError if there are none.

    Hosts in `allowed` may have any address; all addresses of other hosts must be public and not this machine's own
    (`is_own`, by default `is_own_address`). Connect to the returned addresses: resolving the host a second time could
    give others (DNS rebinding).
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
    """Return whether an address is public: not private, loopback, link-local, shared or reserved.

    An IPv6 address that embeds an IPv4 address is public if that is. An address with a zone ID is not public.
    """
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    inner = _embedded_ipv4(ip)
    if isinstance(ip, ipaddress.IPv6Address):
        embeds_ipv4 = ip.ipv4_mapped is not None or ip in _NAT64
        if ip.scope_id is not None or not (embeds_ipv4 or ip in _GLOBAL_UNICAST):
            return False
    return inner.is_global and not inner.is_multicast and not any(inner in block for block in _SPECIAL)


def is_own_address(address: str) -> bool:
    """Return whether an interface of this machine currently has the address, or the IPv4 address it embeds.

    A socket can only be bound to an address of this machine, so this needs no list of interfaces. If the system allows
    binding to any address (Linux: net.ipv4.ip_nonlocal_bind), an address is this machine's own if packets to it would
    also be sent from it.
    """
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(
        _can_bind(str(candidate), candidate.version)
        and (
            not _can_bind(_UNUSED_ADDRESSES[candidate.version], candidate.version)
            or _source_address(str(candidate), candidate.version) == str(candidate)
        )
        for candidate in {ip, _embedded_ipv4(ip)}
    )


def _can_bind(address: str, version: int) -> bool:
    try:
        with _udp_socket(version) as probe:
            probe.bind((address, 0))
    except OSError:
        return False
    return True


def _source_address(address: str, version: int) -> str:
    """Return the address from which packets to this one would be sent; "" without a route. Nothing is sent."""
    try:
        with _udp_socket(version) as probe:
            probe.connect((address, _ANY_PORT))
            return str(probe.getsockname()[0])
    except OSError:
        return ""


def _udp_socket(version: int) -> socket.socket:
    return socket.socket(socket.AF_INET if version == 4 else socket.AF_INET6, socket.SOCK_DGRAM)


def _embedded_ipv4(ip: IPAddress) -> IPAddress:
    """Return the IPv4 address that an IPv6 address embeds; otherwise the address itself."""
    if isinstance(ip, ipaddress.IPv4Address):
        return ip
    last = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    if ip in _NAT64 or (int(ip) >> 32) & 0xFFFF == _ISATAP:
        return last
    return ip.ipv4_mapped or ip.sixtofour or ip


def validate_url(url: str) -> str:
    """Return the URL without its fragment. Raise Unreadable if it is not a valid web address."""
    import httpx

    try:
        parts = urlsplit(url.strip())
        host, _ = parts.hostname, parts.port
        httpx.URL(parts.geturl())  # rejects hosts that are invalid in DNS, and control characters
    except (ValueError, httpx.InvalidURL):
        host = None
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not host or len(url) > _MAX_URL_CHARS:
        raise Unreadable("This isn't a web address.", "Use an address that starts with https:// or http://.")
    if parts.username or parts.password:
        raise Unreadable("The address contains a password.", "Remove it: it would be stored with the document.")
    return parts._replace(fragment="").geturl()


def is_url(name: str) -> bool:
    """Return whether a name is a web address instead of a path."""
    return name.lower().startswith(("https://", "http://"))


def is_remote(folder: str) -> bool:
    """Return whether a folder, or a file in it, is the URL of an fsspec file system."""
    return "://" in folder


def is_inside(ref: str, folder: str) -> bool:
    """Return whether a file, or a folder, is this folder or below it."""
    return f"{ref}/".startswith(f"{folder.rstrip('/')}/")


def resolved_folder(folder: str) -> str:
    """Return a folder as the refs of its files begin."""
    return folder.rstrip("/") if is_remote(folder) else str(Path(folder).expanduser().resolve())
