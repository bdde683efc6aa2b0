"""What Alembic runs: the connection comes from :func:`bento.db.engine.connect`."""

from alembic import context

from bento.db.models import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
