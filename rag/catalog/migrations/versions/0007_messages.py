"""One row for each message that shares a source, with the message's words, thread and one state."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade():
    is_sqlite = op.get_context().dialect.name == "sqlite"
    if not is_sqlite:  # the names of constraints are those of indexes, which no two tables share
        op.execute("ALTER TABLE share RENAME CONSTRAINT pk_share TO pk_share_old")
    op.create_table(
        "share_new",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("source_id", sa.Integer, nullable=False),
        sa.Column("space", sa.String(64), nullable=False),
        sa.Column("message", sa.String(64), nullable=False, server_default=""),
        sa.Column("thread", sa.String(64), nullable=False, server_default=""),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("link", sa.Text),
        sa.Column("shared_by", sa.String(64)),
        sa.Column("shared_at", sa.Float, nullable=False),
        sa.Column("words", sa.Text, nullable=False, server_default=""),
        sa.Column("visible_from", sa.Float, nullable=False, server_default="0"),
        sa.Column("state", sa.String(16), nullable=False, server_default="shared"),
        sa.Column("state_at", sa.Float, nullable=False),
        sa.Column("reason", sa.Text, nullable=False, server_default=""),
        sa.PrimaryKeyConstraint("id", name="pk_share"),
        sa.UniqueConstraint("source_id", "space", "message", name="uq_share_source_id_space_message"),
        sa.ForeignKeyConstraint(["source_id"], ["source.id"], name="fk_share_source_id", ondelete="CASCADE"),
        sqlite_autoincrement=True,
    )
    op.execute(
        "INSERT INTO share_new (source_id, space, name, link, shared_by, shared_at, visible_from, state, state_at) "
        "SELECT source_id, space, name, link, shared_by, shared_at, visible_from, "
        "CASE WHEN hidden_at IS NULL THEN 'shared' ELSE 'checking' END, coalesce(hidden_at / 1e9, shared_at) "
        "FROM share ORDER BY source_id, space"
    )
    op.execute("DROP TABLE share")
    op.execute("ALTER TABLE share_new RENAME TO share")
    op.create_index("ix_share_space_thread", "share", ["space", "thread"])
    _move_removed()
    if is_sqlite:
        op.execute(
            "CREATE VIRTUAL TABLE share_fulltext USING fts5(words, tokenize = 'porter unicode61 remove_diacritics 2')"
        )


def _move_removed():
    """Make shares that a person removed rows of `share`, with a source for those whose source was deleted."""
    op.execute(
        "INSERT INTO source (kind, ref, state, attempts, retry_at) "
        "SELECT DISTINCT kind, ref, 'gone', 0, 0 FROM removed_share "
        "WHERE NOT EXISTS (SELECT 1 FROM source WHERE source.kind = removed_share.kind AND source.ref = removed_share.ref)"
    )
    op.execute(
        "INSERT INTO share (source_id, space, name, shared_at, state, state_at) "
        "SELECT source.id, removed_share.space, '', removed_at, 'forgotten', removed_at FROM removed_share "
        "JOIN source ON source.kind = removed_share.kind AND source.ref = removed_share.ref "
        "WHERE NOT EXISTS (SELECT 1 FROM share WHERE share.source_id = source.id AND share.space = removed_share.space)"
    )
    op.drop_table("removed_share")
