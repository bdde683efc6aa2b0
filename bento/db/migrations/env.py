"""Alembic environment; :func:`bento.db.engine.create_migrated_engine` sets the connection."""

from alembic import context

from bento.db.models import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
