"""Links in messages: web addresses to index, and links to files and messages in Slack. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import parse_qs, unquote, urlsplit

from bot.slack.events import FileLink, MessageLink

_SLACKS_OWN = re.compile(r"https?://(?:[\w-]+\.)*slack(?:-gov|-files)?\.com(?:[/:?]|$)", re.IGNORECASE)

_FILE = re.compile(
    r"/(?:files/\w+|docs/\w+|lists/\w+)/(F[A-Z0-9]+)(?:/([^/]+))?/?$"  # a permalink
    r"|/files-(?:pri|tmb)/\w+-(F[A-Z0-9]+)(?:-\w+)?/(?:download/)?([^/]+)$"  # the address of its bytes
)
_MESSAGE = re.compile(r"/archives/([A-Z0-9]+)/p(\d{10})(\d{6})/?$")
_MESSAGE_LINK = re.compile(r"https?://[\w-]+(?:\.[\w-]+)*/archives/[A-Z0-9]+/p\d{16}(?:\?[\w=&.%-]+)?")
_TS = re.compile(r"\d{10}\.\d{6}")

_MAX_LINKS = 5
"""Maximum web addresses indexed from one message: people who post long lists do not mean to share each page."""


def web_links(addresses: Iterable[str]) -> tuple[str, ...]:
    """Return the first _MAX_LINKS web addresses, without fragments. Slack's own need a login and are left out."""
    bare = dict.fromkeys(address.partition("#")[0] for address in addresses)
    return tuple(address for address in bare if not _SLACKS_OWN.match(address))[:_MAX_LINKS]


def references(addresses: Iterable[str]) -> tuple[FileLink | MessageLink, ...]:
    """Return the files and messages in Slack that addresses link to. Other addresses of Slack are ignored."""
    found = (_reference(address) for address in addresses)
    return tuple(dict.fromkeys(reference for reference in found if reference is not None))


def file_name(address: str) -> str:
    """Return the name of the file in Slack that an address links to; empty if it does not link to one."""
    reference = _reference(address)
    return reference.name if isinstance(reference, FileLink) else ""


def without_message_links(text: str) -> str:
    """Return a text without links to messages in Slack: their numbers are nothing to search for."""

    def kept(match: re.Match[str]) -> str:
        return "" if isinstance(_reference(match[0]), MessageLink) else match[0]

    return " ".join(_MESSAGE_LINK.sub(kept, text).split()) if _MESSAGE_LINK.search(text) else text


def _reference(address: str) -> FileLink | MessageLink | None:
    if not _SLACKS_OWN.match(address):
        return None
    try:
        parts = urlsplit(address)
    except ValueError:
        return None
    if file := _FILE.search(parts.path):
        return FileLink(file[1] or file[3], unquote(file[2] or file[4] or ""))
    if message := _MESSAGE.search(parts.path):
        ts, thread = f"{message[2]}.{message[3]}", parse_qs(parts.query).get("thread_ts", [""])[0]
        return MessageLink(message[1], ts, thread if _TS.fullmatch(thread) else "")
    return None
