"""The words of a full-text index in a table of their own. FTS5's list of its tokens decodes every place of a token that
it names."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade():
    connection = op.get_bind()
    if connection.dialect.name != "sqlite":
        return
    for (number,) in connection.execute(sa.text("SELECT number FROM index_version WHERE analysis != ''")).all():
        name = f"fulltext_{number}_terms"
        known = connection.execute(sa.text(f"SELECT term FROM {name} WHERE term >= '=' AND term < '>'")).all()
        connection.execute(sa.text(f"DROP TABLE {name}"))
        connection.execute(sa.text(f"CREATE TABLE {name} (term TEXT NOT NULL PRIMARY KEY) WITHOUT ROWID"))
        words = [{"term": term} for (term,) in known if not any(sign.isdigit() for sign in term)]
        if words:
            connection.execute(sa.text(f"INSERT INTO {name} VALUES (:term)"), words)
