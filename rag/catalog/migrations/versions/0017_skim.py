"""How many pages of an extraction were skimmed: their words can be found before they are extracted."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade():
    op.add_column("extraction", sa.Column("pages_skimmed", sa.Integer, nullable=False, server_default="0"))
