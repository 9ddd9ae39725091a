"""A number that grows whenever a document may have left a scope, or changed its name in it.

A migration that makes `share` or `source` again makes these triggers again.
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

SHARE = ("source_id", "space", "name", "state", "visible_from", "shared_by", "shared_at")
GROW = "BEGIN UPDATE share_revision SET number = number + 1; END"


def upgrade():
    op.create_table("share_revision", sa.Column("number", sa.Integer, nullable=False))
    op.execute("INSERT INTO share_revision (number) VALUES (0)")
    if op.get_context().dialect.name == "postgresql":
        _create_triggers_of_postgresql()
        return
    old, new = (", ".join(f"{row}.{name}" for name in SHARE) for row in ("OLD", "NEW"))
    op.execute(f"CREATE TRIGGER share_changed AFTER UPDATE ON share WHEN ({old}) IS NOT ({new}) {GROW}")
    op.execute(f"CREATE TRIGGER share_deleted AFTER DELETE ON share {GROW}")
    ended = "OLD.document_id IS NOT NEW.document_id OR NEW.state IN ('failed', 'gone') AND OLD.state <> NEW.state"
    op.execute(
        "CREATE TRIGGER source_changed AFTER UPDATE OF document_id, state ON source "
        f"WHEN OLD.document_id IS NOT NULL AND ({ended}) {GROW}"
    )


def _create_triggers_of_postgresql():
    op.execute(
        "CREATE FUNCTION grow_share_revision() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN UPDATE share_revision SET number = number + 1; RETURN NULL; END $$"
    )
    grow = "EXECUTE FUNCTION grow_share_revision()"
    old, new = (", ".join(f"{row}.{name}" for name in SHARE) for row in ("OLD", "NEW"))
    changed = f"FOR EACH ROW WHEN (({old}) IS DISTINCT FROM ({new}))"
    op.execute(f"CREATE TRIGGER share_changed AFTER UPDATE ON share {changed} {grow}")
    op.execute(f"CREATE TRIGGER share_deleted AFTER DELETE ON share FOR EACH ROW {grow}")
    ended = (
        "OLD.document_id IS DISTINCT FROM NEW.document_id OR NEW.state IN ('failed', 'gone') AND OLD.state <> NEW.state"
    )
    op.execute(
        "CREATE TRIGGER source_changed AFTER UPDATE OF document_id, state ON source "
        f"FOR EACH ROW WHEN (OLD.document_id IS NOT NULL AND ({ended})) {grow}"
    )
