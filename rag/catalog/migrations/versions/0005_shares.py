"""Shares that are checked before they end, and shares of known bytes that wait as long as new bytes would."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade():
    op.add_column("share", sa.Column("shown_from", sa.Float, nullable=False, server_default="0"))
    op.add_column("share", sa.Column("withheld", sa.BigInteger))
    op.add_column("reading", sa.Column("seconds", sa.Float))
