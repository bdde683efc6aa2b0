"""Fair turns: the next job is one of the tenant whose last turn is longest ago.

A tenant with hundreds of queued jobs so delays another tenant's job by one job, not by all.
"""

from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from bento.db.models import Job, Status, TenantTurn


def next_job_statement() -> Select[tuple[str]]:
    """Return the statement that selects the id of the next job."""
    return (
        select(Job.id)
        .outerjoin(TenantTurn, TenantTurn.tenant == Job.tenant)
        .where(Job.status == Status.QUEUED)
        .order_by(func.coalesce(TenantTurn.turn, 0), Job.created_at, Job.id)
        .limit(1)
    )


def record_turn(session: Session, tenant: str) -> None:
    """Record that the tenant has just had a turn; turns are counted, so no clock matters."""
    dialect = session.get_bind().dialect.name
    insert: Any = sqlite.insert if dialect == "sqlite" else postgresql.insert
    turn = select(func.coalesce(func.max(TenantTurn.turn), 0) + 1).scalar_subquery()
    added = insert(TenantTurn).values(tenant=tenant, turn=turn)
    session.execute(
        added.on_conflict_do_update(index_elements=["tenant"], set_={"turn": added.excluded.turn})
    )
