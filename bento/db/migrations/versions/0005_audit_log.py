"""Create the audit log, whose rows the database refuses to change or delete."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

POSTGRESQL_FUNCTION = """
CREATE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'audit_log is append-only'; END $$
"""


def upgrade() -> None:
    """Create both tables and the triggers."""
    text = sa.Text()
    op.create_table(
        "audit_log",
        sa.Column("number", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("at", sa.Float(), nullable=False),
        *(sa.Column(name, text, nullable=False) for name in ("tenant", "actor", "action")),
        sa.Column("job_id", text),
        sa.Column("details", sa.JSON(), nullable=False),
        *(sa.Column(name, text, nullable=False) for name in ("previous", "hash")),
    )
    head = op.create_table(
        "audit_head",
        sa.Column("id", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("hash", text, nullable=False),
    )
    op.bulk_insert(head, [{"id": 1, "number": 0, "hash": "0" * 64}])
    if op.get_bind().dialect.name == "sqlite":
        for change in ("update", "delete"):
            op.execute(
                f"CREATE TRIGGER audit_log_refuse_{change} BEFORE {change} ON audit_log "
                "BEGIN SELECT RAISE(ABORT, 'audit_log is append-only'); END"
            )
    else:
        op.execute(POSTGRESQL_FUNCTION)
        op.execute(
            "CREATE TRIGGER audit_log_refuse_change BEFORE UPDATE OR DELETE OR TRUNCATE ON "
            "audit_log FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change()"
        )


def downgrade() -> None:
    """Drop both tables."""
    op.drop_table("audit_head")
    op.drop_table("audit_log")
    if op.get_bind().dialect.name != "sqlite":
        op.execute("DROP FUNCTION refuse_audit_change()")
