"""The revision of each message; what was known about shared files and links becomes rows of the catalog's shares.

The catalog's own migrations are applied before these, so `share` has a row for each message.
"""

import re

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_FILE, _LINK = "slack", "slack-link"
_TS = r"\d{1,12}\.\d{1,9}"
_COLUMNS = "source_id, space, message, name, link, shared_by, shared_at, visible_from, state, state_at, reason"


def upgrade():
    op.create_table(
        "message",
        sa.Column("channel", sa.String(32), nullable=False),
        sa.Column("ts", sa.String(32), nullable=False),
        sa.Column("revision", sa.Float, nullable=False),
        sa.Column("deleted", sa.Boolean, nullable=False, server_default="0"),
        sa.Column("at", sa.Float, nullable=False),
        sa.PrimaryKeyConstraint("channel", "ts", name="pk_message"),
    )
    op.add_column("question", sa.Column("refers_to", sa.JSON))
    op.add_column("access_log", sa.Column("readers", sa.JSON))
    op.add_column("evidence", sa.Column("sha256", sa.String(64), nullable=False, server_default=""))
    op.add_column("evidence", sa.Column("left_at", sa.Float))
    op.execute(
        "UPDATE evidence SET sha256 = coalesce((SELECT sha256 FROM document WHERE document.id = evidence.document), '')"
    )
    for name in ("files_until", "reconciled_at", "reviewed_at", "requested_at", "active_at", "first_read_at"):
        op.add_column("conversation", sa.Column(name, sa.Float, nullable=False, server_default="0"))
    op.create_table(
        "workspace",
        sa.Column("team", sa.String(32), nullable=False),
        sa.Column("app", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("team", name="pk_workspace"),
    )
    connection = op.get_bind()
    for row in _rows(connection, 'SELECT channel, key, "user" FROM job WHERE kind = \'receipt\''):
        ts, _, file = row.key.partition(":")
        _add_message(connection, _FILE, file, row.channel, ts, row.user)
    for row in _rows(connection, "SELECT url, channel, ts FROM link WHERE ts != ''"):
        _add_message(connection, _LINK, row.url, row.channel, row.ts, None)
    _drop_located_links(connection)
    for row in _rows(connection, "SELECT file, channel, ts, at FROM removed"):
        _end_message(connection, row.file, row.channel, row.ts, row.at)
    for row in _rows(connection, "SELECT file, channel, at FROM departed"):
        _set_state(connection, row.file, row.channel, "departed", row.at)
    for row in _rows(connection, "SELECT file, channel FROM queried"):
        _set_state(connection, row.file, row.channel, "left out", 0.0)
    for row in _rows(connection, "SELECT file, channel FROM wanted"):
        requested = "UPDATE share SET reason = 'requested' WHERE source_id = :source AND space = :space"
        source = _source(connection, _FILE, row.file)
        connection.execute(sa.text(requested), {"source": source, "space": row.channel})
    for table in ("queried", "wanted", "departed", "removed", "link"):
        op.drop_table(table)


def _rows(connection, statement):
    return connection.execute(sa.text(statement)).all()


def _source(connection, kind, ref):
    """Return the id of a source; one that is not known is added as gone."""
    key = {"kind": kind, "ref": ref}
    new = "INSERT INTO source (kind, ref, state) VALUES (:kind, :ref, 'gone') ON CONFLICT DO NOTHING"
    connection.execute(sa.text(new), key)
    return connection.scalar(sa.text("SELECT id FROM source WHERE kind = :kind AND ref = :ref"), key)


def _add_message(connection, kind, ref, channel, ts, user):
    """Give a share of this source in this channel, if there is one, a row for one of its messages."""
    if not re.fullmatch(_TS, ts):
        return
    copy = (
        f"INSERT INTO share ({_COLUMNS}) SELECT source_id, space, :ts, name, link, coalesce(:user, shared_by), :at, "
        "visible_from, state, state_at, reason FROM share "
        "WHERE source_id = :source AND space = :space AND message = '' AND state IN ('shared', 'checking') "
        "ON CONFLICT DO NOTHING"
    )
    values = {"ts": ts, "user": user, "at": float(ts), "source": _source(connection, kind, ref), "space": channel}
    connection.execute(sa.text(copy), values)


def _drop_located_links(connection):
    """Delete the rows without a message of links whose messages are all known."""
    op.execute(
        "DELETE FROM share WHERE message = '' AND state = 'shared' "
        f"AND source_id IN (SELECT id FROM source WHERE kind = '{_LINK}') "
        "AND EXISTS (SELECT 1 FROM share AS other WHERE other.source_id = share.source_id "
        "AND other.space = share.space AND other.message != '') "
        "AND NOT EXISTS (SELECT 1 FROM link JOIN source ON source.ref = link.url "
        f"WHERE source.kind = '{_LINK}' AND source.id = share.source_id AND link.channel = share.space AND link.ts = '')"
    )


def _set_state(connection, file, channel, state, at):
    """Record the state of a share whose message is not known, unless it has a row that says that it is shared.

    A row that is being checked covers the messages up to its time.
    """
    new = (
        "INSERT INTO share (source_id, space, message, name, shared_at, state, state_at) "
        "VALUES (:source, :space, '', '', :at, :state, :at) "
        "ON CONFLICT DO UPDATE SET state_at = max(state_at, :at) WHERE state = 'checking'"
    )
    values = {"source": _source(connection, _FILE, file), "space": channel, "at": at, "state": state}
    connection.execute(sa.text(new), values)


def _end_message(connection, file, channel, ts, at):
    """Record that a message no longer shares a file."""
    key = {"source": _source(connection, _FILE, file), "space": channel, "message": ts}
    mine = "source_id = :source AND space = :space AND message = :message"
    connection.execute(sa.text(f"DELETE FROM share WHERE {mine}"), key)
    new = (
        "INSERT INTO share (source_id, space, message, name, shared_at, state, state_at) "
        "VALUES (:source, :space, :message, '', :written, 'departed', :at)"
    )
    written = float(ts) if re.fullmatch(_TS, ts) else at
    connection.execute(sa.text(new), {**key, "written": written, "at": at})
