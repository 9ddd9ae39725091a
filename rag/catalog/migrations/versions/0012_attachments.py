"""Notes about how pages and files were read, and the documents that are attached to others. No row changes."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

GROW = "BEGIN UPDATE share_revision SET number = number + 1; END"


def upgrade():
    for table in ("page", "extraction"):
        op.add_column(table, sa.Column("notes", sa.Text))
    op.drop_index("ix_page_failed", "page")
    noted = sa.text("error IS NOT NULL OR notes IS NOT NULL")
    op.create_index("ix_page_noted", "page", ["extraction_id", "number"], sqlite_where=noted, postgresql_where=noted)
    op.create_table(
        "attachment",
        sa.Column("extraction_id", sa.Integer, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("document_id", sa.Integer, nullable=False),
        sa.Column("attached_id", sa.Integer),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("inside", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("extraction_id", "number", name="pk_attachment"),
        sa.ForeignKeyConstraint(
            ["extraction_id"], ["extraction.id"], name="fk_attachment_extraction_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["document_id"], ["document.id"], name="fk_attachment_document_id", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["attached_id"], ["document.id"], name="fk_attachment_attached_id", ondelete="SET NULL"
        ),
    )
    op.create_index("ix_attachment_document_id", "attachment", ["document_id"])
    op.create_index("ix_attachment_attached_id", "attachment", ["attached_id"])
    # An attachment leaves the scopes of its parent when the parent does, which the triggers of 0011 count, or with this.
    if op.get_context().dialect.name == "postgresql":
        grow = "FOR EACH ROW EXECUTE FUNCTION grow_share_revision()"
    else:
        grow = GROW
    op.execute(f"CREATE TRIGGER attachment_deleted AFTER DELETE ON attachment {grow}")
