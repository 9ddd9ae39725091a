"""Fingerprints of pages, by which a screenshot is found and proved."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade():
    op.create_table(
        "fingerprint",
        sa.Column("reading_id", sa.Integer, nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("method", sa.Integer, nullable=False),
        sa.Column("phash", sa.BigInteger, nullable=False),
        sa.Column("points", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("reading_id", "number", name="pk_fingerprint"),
        sa.ForeignKeyConstraint(
            ["reading_id", "number"],
            ["page.reading_id", "page.number"],
            name="fk_fingerprint_reading_id",
            ondelete="CASCADE",
        ),
    )
