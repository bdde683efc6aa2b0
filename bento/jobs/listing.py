"""Lists of jobs: which jobs, and in which order."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import ColumnElement, Engine, Float, and_, cast, func, or_, select
from sqlalchemy.orm import Session

from bento.db.models import Job
from bento.jobs.cursor import Cursor

Sort = Literal["newest", "oldest", "name", "probability"]

# null sorts last, as no probability is negative
_PROBABILITY = func.coalesce(cast(Job.result["fake_probability"].as_float(), Float), -1.0)
_KEYS: dict[Sort, tuple[ColumnElement[Any], bool]] = {
    "newest": (Job.created_at.expression, True),
    "oldest": (Job.created_at.expression, False),
    "name": (func.lower(Job.file), False),
    "probability": (_PROBABILITY, True),
}


@dataclass(frozen=True, slots=True)
class JobQuery:
    """Which jobs of a tenant to list, and in which order.

    Attributes:
        search: Part of the file name, whatever its case.
        ids: Only these jobs; None for all.
    """

    status: str | None = None
    verdict: str | None = None
    batch: str | None = None
    search: str | None = None
    ids: Sequence[str] | None = None
    sort: Sort = "newest"

    def conditions(self, tenant: str) -> list[ColumnElement[bool]]:
        """Return what every listed job of the tenant fulfils."""
        conditions = [Job.tenant == tenant]
        columns = ((Job.status, self.status), (Job.verdict, self.verdict), (Job.batch, self.batch))
        conditions += [column == value for column, value in columns if value is not None]
        if self.search is not None:
            conditions.append(Job.file.icontains(self.search, autoescape=True))
        if self.ids is not None:
            conditions.append(Job.id.in_(self.ids))
        return conditions


@dataclass(frozen=True, slots=True)
class JobPage:
    """One page of a tenant's jobs, and the number of jobs on all pages.

    Attributes:
        next: Where the next page begins; None on the last one.
    """

    jobs: Sequence[Job]
    total: int
    next: Cursor | None = None


def list_jobs(
    engine: Engine, tenant: str, query: JobQuery, window: tuple[int | Cursor, int] = (0, 50)
) -> JobPage:
    """Return a page of the tenant's jobs.

    Args:
        window: Number of jobs to skip, or the cursor of the page before; and the page's size.
    """
    conditions = query.conditions(tenant)
    start, limit = window
    key, descends = _KEYS[query.sort]
    rows = select(Job, key).where(*conditions)
    rows = rows.order_by(key.desc() if descends else key, Job.id)
    rows = (
        rows.where(_after(start, key, descends))
        if isinstance(start, Cursor)
        else rows.offset(start)
    )
    with Session(engine) as session:
        total = session.scalar(select(func.count()).select_from(Job).where(*conditions)) or 0
        matches = session.execute(rows.limit(limit + 1)).all()
    following = None
    if len(matches) > limit:
        last, value = matches[limit - 1]
        following = Cursor(query.sort, value, last.id)
    return JobPage([job for job, _ in matches[:limit]], total, following)


def _after(cursor: Cursor, key: ColumnElement[Any], descends: bool) -> ColumnElement[bool]:
    beyond = key < cursor.value if descends else key > cursor.value
    return or_(beyond, and_(key == cursor.value, Job.id > cursor.job_id))
