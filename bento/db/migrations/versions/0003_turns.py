"""Create the table of tenants' turns; add the last crash of a job and an index of stored bytes."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

IS_STORED = sa.text("upload IS NOT NULL")


def upgrade() -> None:
    """Create table, column and index."""
    op.create_table(
        "tenant_turns",
        sa.Column("tenant", sa.Text(), primary_key=True),
        sa.Column("turn", sa.BigInteger(), nullable=False),
    )
    op.add_column("detection_results", sa.Column("crash", sa.Text()))
    op.create_index(
        "ix_tenant_stored",
        "detection_results",
        ["tenant", "size_bytes"],
        sqlite_where=IS_STORED,
        postgresql_where=IS_STORED,
    )


def downgrade() -> None:
    """Drop table, column and index."""
    op.drop_index("ix_tenant_stored", "detection_results")
    op.drop_column("detection_results", "crash")
    op.drop_table("tenant_turns")
