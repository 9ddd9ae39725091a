"""The settings of single channels."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade():
    op.create_table(
        "channel_setting",
        sa.Column("channel", sa.String(32), nullable=False),
        sa.Column("quiet", sa.Boolean, nullable=False, server_default="0"),
        sa.Column("language", sa.String(8), nullable=False, server_default=""),
        sa.Column("types", sa.JSON, nullable=False),
        sa.Column("askers", sa.JSON),
        sa.Column("digest", sa.String(8), nullable=False, server_default="off"),
        sa.Column("digest_from", sa.Float, nullable=False, server_default="0"),
        sa.Column("digest_due", sa.Float, nullable=False, server_default="0"),
        sa.Column("changed_by", sa.String(32), nullable=False, server_default=""),
        sa.Column("changed_at", sa.Float, nullable=False),
        sa.PrimaryKeyConstraint("channel", name="pk_channel_setting"),
    )
