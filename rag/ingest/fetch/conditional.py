"""Conditional requests: fetch a file again only if its server says that it changed (RFC 9110, section 13)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass

_MAX_CHARS = 512


@dataclass(frozen=True, slots=True)
class Validators:
    """What a server said about a file at `url`, the last address of its redirects. Empty: nothing."""

    url: str = ""
    etag: str = ""
    modified: str = ""

    @classmethod
    def of_response(cls, url: str, headers: Mapping[str, str]) -> Validators:
        return cls(url, _usable(headers.get("etag", "")), _usable(headers.get("last-modified", "")))

    @classmethod
    def decode(cls, text: str) -> Validators:
        """Return what `encode` returned as text. Anything else counts as nothing."""
        try:
            return cls(**json.loads(text))
        except (ValueError, TypeError):
            return cls()

    def encode(self) -> str:
        """Return a text for the catalog; "" if the server said nothing."""
        return json.dumps(asdict(self)) if self.etag or self.modified else ""

    def headers(self, url: str) -> dict[str, str]:
        """Return the headers of a request for this address, which the server answers with 304 if nothing changed."""
        if url != self.url:
            return {}
        named = {"If-None-Match": self.etag, "If-Modified-Since": self.modified}
        return {name: value for name, value in named.items() if value}


def _usable(value: str) -> str:
    """Return a header's value if it may be sent back; "" if not."""
    return value if len(value) <= _MAX_CHARS and value.isascii() and value.isprintable() else ""
