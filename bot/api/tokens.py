"""Tokens of other tools: `magpie_ID_SECRET`. The id finds the row, and only the hash of the whole token is stored."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING

from bot.db import api_tokens
from bot.db.api_tokens import ApiToken
from rag import UserCanFix

if TYPE_CHECKING:
    from sqlalchemy import Connection

Transaction = Callable[[], "AbstractContextManager[Connection]"]

_TOKEN = re.compile(r"magpie_([0-9a-f]{8})_[A-Za-z0-9_-]{43}")
_SECRET_BYTES = 32
"""256 bits: a hash of so much chance needs no salt and no slow function."""

_DAY = 86_400.0


class TokenRefused(UserCanFix):
    """A token that does not give access: unknown, ended, revoked, or of a person who left the workspace."""


def new_token(name: str, now: float, days: int, user: str = "", spaces: Sequence[str] = ()) -> tuple[ApiToken, str]:
    """Return a token to store, and its text, which is shown once."""
    id = secrets.token_hex(4)
    text = f"magpie_{id}_{secrets.token_urlsafe(_SECRET_BYTES)}"
    return ApiToken(id, name, _hash(text), user, tuple(spaces), now, now + days * _DAY), text


def find_valid_token(read: Transaction, write: Transaction, text: str, now: float) -> ApiToken:
    """Return the token with this text, and record its use. Raise TokenRefused unless it is valid now."""
    match = _TOKEN.fullmatch(text)
    found = None
    if match:
        with read() as connection:
            found = api_tokens.find_token(connection, match.group(1))
    # An unknown id takes as long as a known one.
    is_right = hmac.compare_digest(_hash(text), found.hash if found else "0" * 64)
    if found is None or not is_right:
        raise TokenRefused("This token is not known.", "Create one with: magpie token create")
    if found.revoked_at is not None:
        raise TokenRefused("This token was revoked.", "Create another one with: magpie token create")
    if found.expires_at <= now:
        raise TokenRefused("This token has ended.", "Create another one with: magpie token create")
    if api_tokens.needs_use_recorded(found, now):
        with write() as connection:
            api_tokens.record_use(connection, found.id, now)
    return found


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
