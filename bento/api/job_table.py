"""Tables of jobs: rows, CSV, and a zip archive of the reports."""

import csv
import json
import zipfile
from collections.abc import Iterable, Sequence
from io import StringIO
from typing import IO, Any

from bento.api.schemas import ExportedJob
from bento.db.models import Job
from bento.db.stored_values import read_report
from unmask.serving.bulk.report_columns import report_columns

# a spreadsheet runs a text that begins so as a formula
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def to_row(job: Job) -> ExportedJob:
    """Convert a job; scores are null where this release cannot read the report."""
    report = read_report(job.result)
    columns = report_columns(report) if report else {}
    known = {name: columns[name] for name in columns if name in ExportedJob.model_fields}
    return ExportedJob.model_validate(
        {
            **known,
            "job_id": job.id,
            "file": job.file,
            "status": job.status,
            "verdict": job.verdict,
            "reasons": list(known.get("reasons", ())),
            "size_bytes": job.size_bytes,
            "sha256": job.sha256,
            "detector": report.model.sha256 if report else None,
            "batch_id": job.batch,
            "case_number": job.options.get("case_number"),
            "created_at": job.created_at,
            "finished_at": job.finished_at,
            "error": job.error,
        }
    )


def to_csv(rows: Iterable[ExportedJob]) -> str:
    """Return the rows as CSV; reasons are separated by spaces."""
    text = StringIO()
    writer = csv.writer(text)
    writer.writerow(ExportedJob.model_fields)
    for row in rows:
        values = {**row.model_dump(mode="json"), "reasons": " ".join(row.reasons)}
        writer.writerow([_as_text(value) for value in values.values()])
    return text.getvalue()


def write_zip(file: IO[bytes], jobs: Sequence[Job]) -> None:
    """Write an archive with ``jobs.csv`` and the report of each job that has one."""
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("jobs.csv", to_csv(map(to_row, jobs)))
        for job in jobs:
            if job.result:
                content = json.dumps(job.result, ensure_ascii=False, allow_nan=False)
                archive.writestr(f"reports/{job.id}.json", content)


def _as_text(value: Any) -> Any:
    """Return a cell, with an apostrophe before what a spreadsheet would run."""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA_STARTS) else value
