"""Where a fetch may go: public addresses, and hosts the operator named."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Collection
from typing import TypeAlias
from urllib.parse import urlsplit

from rag.errors import Unreadable

URL = "url"
"""The kind of a source that a web address names."""

Resolve: TypeAlias = Callable[[str, int], list[str]]
"""Every address of a host. Raise OSError where there is none."""

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
"""RFC 6052: IPv4 addresses as a network without IPv4 writes them."""

_LONGEST = 2000


class Forbidden(Exception):
    """The host has an address that is not public, and was not named by the operator."""


def resolve(host: str, port: int) -> list[str]:
    """As the system resolves it."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[4][0]) for address in found))


def may_go_to(host: str, port: int, allowed: Collection[str], resolve: Resolve) -> list[str]:
    """The host's addresses, to be connected to as they are: a second look could find others (DNS rebinding).

    Raise Forbidden when one of them is not public, OSError when there is none.
    """
    addresses = resolve(host, port)
    if host.lower().rstrip(".") not in allowed and not all(is_public(address) for address in addresses):
        raise Forbidden(host)
    return addresses


def is_public(address: str) -> bool:
    """Whether the whole internet can reach it: no private, loopback, link-local, shared or reserved address.

    An IPv6 address that only wraps an IPv4 one is as public as that.
    """
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour
        if ip in _NAT64:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if ip.teredo is not None:
            return False
        if inner is not None:
            ip = inner
    return ip.is_global and not ip.is_multicast


def checked_url(url: str) -> str:
    """The address without its fragment. Raise Unreadable for what is no web address."""
    try:
        parts = urlsplit(url.strip())
        host, _ = parts.hostname, parts.port
    except ValueError:
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
