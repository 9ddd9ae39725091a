"""Run the migrations for Alembic, on the connection and in the transaction of rag/catalog/migrate.py."""

from alembic import context

from rag.catalog.tables import metadata

# The full-text index keeps shadow tables of its own; autogenerate would drop them.
FULL_TEXT = "fulltext"


def _ours(_object, name, kind, _reflected, _other):
    return not (kind == "table" and name is not None and name.startswith(FULL_TEXT))


context.configure(
    connection=context.config.attributes["connection"],
    version_table=context.config.attributes["versions"],
    target_metadata=metadata,
    include_object=_ours,
    render_as_batch=True,
)
context.run_migrations()
