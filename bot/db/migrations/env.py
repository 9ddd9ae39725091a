"""Alembic's way in: the catalog hands over the connection it holds, transaction included."""

from alembic import context

from bot.db.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    version_table=context.config.attributes["versions"],
    target_metadata=metadata,
    include_object=lambda _object, name, kind, _reflected, _other: kind != "table" or name in metadata.tables,
    render_as_batch=True,
)
context.run_migrations()
