"""The workspace and the app whose data the folder holds."""

from __future__ import annotations

from sqlalchemy import Connection, insert, select, update

from bot.db.tables import workspace
from bot.slack.owner import Owner


def find_owner(connection: Connection) -> Owner | None:
    """Return whose data the folder holds; None: it is new."""
    row = connection.execute(select(workspace)).one_or_none()
    return None if row is None else Owner(row.team, row.app)


def adopt(connection: Connection, owner: Owner) -> Owner:
    """Record whose data the folder holds, unless that is known. Return whose they are."""
    known = find_owner(connection)
    if known is None:
        connection.execute(insert(workspace).values(team=owner.team, app=owner.app))
        return owner
    if known.is_same(owner) and not known.app:
        connection.execute(update(workspace).values(app=owner.app))
    return known
