"""Whether the message of a question shows its answer."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade():
    op.add_column("question", sa.Column("shown", sa.Boolean, nullable=False, server_default="0"))
