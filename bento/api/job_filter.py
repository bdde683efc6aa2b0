"""Query parameters that select jobs of a list."""

from dataclasses import fields
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from bento.api.examples import BATCH_ID, JOB_ID
from bento.api.route_paths import ID_PATTERN
from bento.db.models import Status
from bento.jobs.listing import JobQuery, Sort
from unmask.records import Verdict

MAX_SELECTED = 100

SelectedId = Annotated[str, Field(pattern=ID_PATTERN)]


class JobSelection(BaseModel):
    """Filter of jobs; a parameter that would be ignored silently is refused."""

    model_config = ConfigDict(extra="forbid")

    status: Status | None = Field(
        default=None, description="Only jobs with this status.", examples=["done"]
    )
    verdict: Verdict | None = Field(
        default=None, description="Only jobs with this verdict.", examples=["fake"]
    )
    batch: str | None = Field(
        default=None,
        pattern=ID_PATTERN,
        description="Only jobs of this batch.",
        examples=[BATCH_ID],
    )
    search: str | None = Field(
        default=None,
        min_length=1,
        max_length=100,
        pattern=r"^[^\x00]*$",
        description="Only jobs whose file name contains this, in upper or lower case.",
        examples=["interview"],
    )
    sort: Sort = Field(
        default="newest",
        description="Order: `newest` or `oldest` first, by file `name`, or the highest "
        "`probability` first.",
        examples=["name"],
    )

    def to_query(self) -> JobQuery:
        """Return the query of the job table."""
        return JobQuery(**self.model_dump(include={field.name for field in fields(JobQuery)}))


class ExportSelection(JobSelection):
    """Filter of jobs, or a list of them."""

    ids: list[SelectedId] | None = Field(
        default=None,
        min_length=1,
        max_length=MAX_SELECTED,
        description="Only these jobs; repeat the parameter for each.",
        examples=[[JOB_ID]],
    )


class JobFilter(JobSelection):
    """Filter and page of a job list."""

    limit: int = Field(default=50, ge=1, le=100, description="Jobs per page.", examples=[20])
    offset: int = Field(
        default=0,
        ge=0,
        le=1_000_000,
        description="Number of jobs to skip. Jobs that arrive meanwhile shift the pages; `cursor` "
        "does not have that fault.",
        examples=[40],
    )
    cursor: str | None = Field(
        default=None,
        min_length=1,
        max_length=1500,
        description="Where the page begins: part of the last page's `next`.",
        examples=[
            "WyJuZXdlc3QiLDE3Nzc4ODg4MDAuMjUsIjBmOWMyYTdiZTRkMTQzNWU4YTZiMTBjNWQyZjM3ZTk0Il0="
        ],
    )
