"""The words of the names of attachments. Those of earlier ones are added with the full-text index."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade():
    op.create_table(
        "attachment_word",
        sa.Column("word", sa.String(64), nullable=False),
        sa.Column("extraction_id", sa.Integer, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.ForeignKeyConstraint(
            ["extraction_id", "number"],
            ["attachment.extraction_id", "attachment.number"],
            name="fk_attachment_word_extraction_id",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("word", "extraction_id", "number", name="pk_attachment_word"),
    )
    op.create_index("ix_attachment_word_extraction_id_number", "attachment_word", ["extraction_id", "number"])
    # An index that was complete before is written again, with these words.
    op.execute("UPDATE index_version SET analysis = '0' WHERE analysis <> '' AND EXISTS (SELECT 1 FROM attachment)")
