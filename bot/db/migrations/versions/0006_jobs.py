"""One table for background jobs; tables and columns named in plain terms."""

import re
from time import time

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_QUESTION = {"halt": "cancellation", "asked": "asked_at", "sharing": "sharing_since", "obsolete": "obsolete_uploads"}

_ASIDE = sa.table("aside", *map(sa.column, "id kind channel user thread text url at attempts next_try".split()))
_ASIDE.append_column(sa.column("about", sa.JSON))


def upgrade():
    for old, new in _QUESTION.items():
        op.execute(f"ALTER TABLE question RENAME COLUMN {old} TO {new}")
    op.add_column("question", sa.Column("delays", sa.Integer, nullable=False, server_default="0"))
    op.execute("ALTER TABLE conversation RENAME COLUMN looked TO checked_until")
    _create_link()
    _create_access_log()
    job = _create_job()
    connection = op.get_bind()
    # The old `attempts` counted retries. They become delays, because five attempts end a job.
    rows = [*_errands(connection), *_asides(connection), *_receipts(connection)]
    if rows:
        op.bulk_insert(job, rows)
    for table in ("errand", "aside", "receipt", "linked", "access"):
        op.drop_table(table)


def _create_link():
    op.create_table(
        "link",
        sa.Column("url", sa.Text, nullable=False),
        sa.Column("channel", sa.String(32), nullable=False),
        sa.Column("ts", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("url", "channel", "ts", name="pk_link"),
    )
    op.execute("INSERT INTO link (url, channel, ts) SELECT url, channel, ts FROM linked")


def _create_access_log():
    op.create_table(
        "access_log",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("at", sa.Float, nullable=False),
        sa.Column("channel", sa.String(32), nullable=False),
        sa.Column("ts", sa.String(32), nullable=False),
        sa.Column("user", sa.String(32), nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("document", sa.Integer, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("spaces", sa.JSON, nullable=False),
        sa.Column("scope", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_access_log"),
        sa.UniqueConstraint("channel", "ts", "document", name="uq_access_log_channel_ts_document"),
    )
    op.create_index("ix_access_log_sha256", "access_log", ["sha256"])
    op.create_index("ix_access_log_document", "access_log", ["document"])
    columns = 'id, at, channel, ts, "user", text, document, sha256, spaces, scope'
    op.execute(f"INSERT INTO access_log ({columns}) SELECT {columns} FROM access")


def _create_job():
    job = op.create_table(
        "job",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("channel", sa.String(32), nullable=False, server_default=""),
        sa.Column("key", sa.String(80)),
        sa.Column("user", sa.String(32), nullable=False, server_default=""),
        sa.Column("payload", sa.JSON),
        sa.Column("state", sa.String(8), nullable=False, server_default="waiting"),
        sa.Column("revision", sa.Integer, nullable=False, server_default="1"),
        sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
        sa.Column("delays", sa.Integer, nullable=False, server_default="0"),
        sa.Column("next_try", sa.Float, nullable=False, server_default="0"),
        sa.Column("created", sa.Float, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_job"),
        sa.UniqueConstraint("kind", "channel", "key", name="uq_job_kind_channel_key"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_job_state_next_try", "job", ["state", "next_try"])
    return job


def _row(kind, channel, key, user, created, *, state="waiting", revision=1, delays=0, next_try=0.0, payload=None):
    values = {"kind": kind, "channel": channel, "key": key, "user": user, "created": created, "state": state}
    return {**values, "revision": revision, "delays": delays, "next_try": next_try, "payload": payload or sa.null()}


def _errands(connection):
    for row in connection.execute(sa.text("SELECT * FROM errand ORDER BY id")):
        channel, key = (row.ref if row.kind == kind else "" for kind in ("channel", "file"))
        yield _row(
            row.kind, channel, key, "", time(), revision=row.sent, delays=row.attempts, next_try=row.next_try
        )


def _asides(connection):
    homes = {}
    for row in connection.execute(sa.select(_ASIDE).order_by(_ASIDE.c.id)):
        payload = {"text": row.text, "thread": row.thread, "url": row.url, "about": row.about or {}}
        key = row.user if row.kind == "home" else None
        made = _row(
            row.kind,
            row.channel,
            key,
            row.user,
            row.at,
            delays=row.attempts,
            next_try=row.next_try,
            payload=None if key else payload,
        )
        if key:
            homes[row.channel, key] = made  # a Home that waits twice is updated once
        else:
            yield made
    yield from homes.values()


def _receipts(connection):
    for row in connection.execute(sa.text("SELECT * FROM receipt ORDER BY id")):
        written = float(row.ts) if re.fullmatch(r"\d{1,12}\.\d{1,9}", row.ts) else 0.0
        state = "held" if row.state == "open" else "done"
        yield _row("receipt", row.channel, f"{row.ts}:{row.file}", row.user, written, state=state)
