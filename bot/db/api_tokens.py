"""Tokens of other tools that call MCP or the HTTP API. Only a hash of each is stored."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection, Row, delete, func, insert, or_, select, update

from bot.db.tables import api_token

_USE_RECORDED = 3600.0
"""Seconds between two records of a token's use: a call need not write to the database."""


@dataclass(frozen=True, slots=True)
class ApiToken:
    """A token without its secret. `user`: the person it acts for; empty: it may search `spaces`.

    Times are seconds since 1970. `used_at`: its last use, to the hour; None: never. `revoked_at`: None if it was not
    revoked.
    """

    id: str
    name: str
    hash: str
    user: str
    spaces: tuple[str, ...]
    created_at: float
    expires_at: float
    used_at: float | None = None
    revoked_at: float | None = None


def put_token(connection: Connection, token: ApiToken) -> None:
    values = {name: getattr(token, name) for name in ApiToken.__dataclass_fields__}
    connection.execute(insert(api_token).values({**values, "spaces": list(token.spaces)}))


def find_token(connection: Connection, id: str) -> ApiToken | None:
    row = connection.execute(select(api_token).where(api_token.c.id == id)).one_or_none()
    return None if row is None else _token(row)


def list_tokens(connection: Connection) -> list[ApiToken]:
    """Return all tokens, also those that ended, oldest first."""
    return [_token(row) for row in connection.execute(select(api_token).order_by(api_token.c.created_at))]


def revoke_token(connection: Connection, id: str, at: float) -> bool:
    """Revoke a token. Return False for an unknown one, or one that was revoked before."""
    matching = (api_token.c.id == id) & api_token.c.revoked_at.is_(None)
    return connection.execute(update(api_token).where(matching).values(revoked_at=at)).rowcount == 1


def needs_use_recorded(token: ApiToken, at: float) -> bool:
    return token.used_at is None or at - token.used_at > _USE_RECORDED


def record_use(connection: Connection, id: str, at: float) -> None:
    connection.execute(update(api_token).where(api_token.c.id == id).values(used_at=at))


def expire(connection: Connection, before: float) -> None:
    """Delete tokens that ended or were revoked before this time, in seconds since 1970."""
    ended = or_(api_token.c.expires_at < before, api_token.c.revoked_at < before)
    connection.execute(delete(api_token).where(ended))


def delete_tokens_of(connection: Connection, user: str) -> None:
    connection.execute(delete(api_token).where(api_token.c.user == user))


def move_space(connection: Connection, old: str, new: str) -> None:
    """Rename a space whose id changed."""
    for row in connection.execute(select(api_token.c.id, api_token.c.spaces)).all():
        if old in row.spaces:
            spaces = list(dict.fromkeys(new if space == old else space for space in row.spaces))
            connection.execute(update(api_token).where(api_token.c.id == row.id).values(spaces=spaces))


def count(connection: Connection) -> int:
    return connection.scalar(select(func.count()).select_from(api_token)) or 0


def _token(row: Row[tuple[object, ...]]) -> ApiToken:
    values = dict(row._mapping)
    return ApiToken(**{**values, "spaces": tuple(values["spaces"])})
