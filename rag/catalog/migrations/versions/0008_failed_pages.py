"""An index of the pages that could not be read, which the status of every file says. No row changes."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade():
    failed = sa.text("error IS NOT NULL")
    op.create_index("ix_page_failed", "page", ["extraction_id", "number"], sqlite_where=failed, postgresql_where=failed)
