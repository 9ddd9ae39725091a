"""When a source was fetched, and what its server said to recognize the same content by."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade():
    op.add_column("source", sa.Column("fetched_at", sa.Float, nullable=False, server_default="0"))
    op.add_column("source", sa.Column("validators", sa.Text, nullable=False, server_default=""))
