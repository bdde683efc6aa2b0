"""Create the job and counter tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create both tables."""
    text, real, count = sa.Text(), sa.Float(), sa.Integer()
    op.create_table(
        "detection_results",
        sa.Column("id", text, primary_key=True),
        sa.Column("tenant", text, nullable=False),
        sa.Column("batch", text),
        sa.Column("idempotency_key", text),
        sa.Column("file", text, nullable=False),
        sa.Column("sha256", text, nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("upload", text),
        sa.Column("options", sa.JSON(), nullable=False),
        sa.Column("status", text, nullable=False),
        sa.Column("stage", text),
        sa.Column("percent", real, nullable=False),
        sa.Column("attempts", count, nullable=False),
        sa.Column("worker", text),
        *(sa.Column(name, real) for name in ("lease_until", "sent_at")),
        sa.Column("created_at", real, nullable=False),
        *(sa.Column(name, real) for name in ("started_at", "finished_at", "expires_at")),
        sa.Column("verdict", text),
        sa.Column("result", sa.JSON()),
        sa.Column("evidence", sa.JSON(), nullable=False),
        sa.Column("cached", sa.Boolean(), nullable=False),
        *(sa.Column(name, text) for name in ("cache_key", "failure", "error")),
        sa.Column("webhook_due", real),
        sa.Column("webhook_tries", count, nullable=False),
        sa.UniqueConstraint("tenant", "idempotency_key", name="uq_tenant_idempotency_key"),
    )
    for name, columns in {
        "ix_status_created": ["status", "created_at"],
        "ix_tenant_created": ["tenant", "created_at"],
        "ix_tenant_cache": ["tenant", "cache_key"],
        "ix_expires": ["expires_at"],
        "ix_webhook_due": ["webhook_due"],
    }.items():
        op.create_index(name, "detection_results", columns)
    _create_counters()


def _create_counters() -> None:
    op.create_table(
        "service_totals",
        sa.Column("name", sa.Text(), primary_key=True),
        sa.Column("label", sa.Text(), primary_key=True),
        sa.Column("value", sa.Float(), nullable=False),
    )


def downgrade() -> None:
    """Drop both tables."""
    op.drop_table("service_totals")
    op.drop_table("detection_results")
