"""The words of the names that files are shared under. Those of earlier shares are added with the full-text index."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade():
    op.create_table(
        "name_word",
        sa.Column("word", sa.String(64), nullable=False),
        sa.Column("share_id", sa.Integer, nullable=False),
        sa.ForeignKeyConstraint(["share_id"], ["share.id"], name="fk_name_word_share_id_share", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("word", "share_id", name="pk_name_word"),
    )
    op.create_index("ix_name_word_share_id", "name_word", ["share_id"])
    if op.get_context().dialect.name == "postgresql":
        op.execute(
            "CREATE FUNCTION drop_name_words() RETURNS trigger LANGUAGE plpgsql AS "
            "$$ BEGIN DELETE FROM name_word WHERE share_id = OLD.id; RETURN NULL; END $$"
        )
        op.execute(
            "CREATE TRIGGER share_renamed AFTER UPDATE OF name ON share FOR EACH ROW WHEN (OLD.name <> NEW.name) "
            "EXECUTE FUNCTION drop_name_words()"
        )
        return
    op.execute(
        "CREATE TRIGGER share_renamed AFTER UPDATE OF name ON share WHEN OLD.name <> NEW.name "
        "BEGIN DELETE FROM name_word WHERE share_id = OLD.id; END"
    )
