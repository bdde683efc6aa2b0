"""Deletes a job with its files, on a full disk as well."""

from typing import Literal

from sqlalchemy.exc import OperationalError

from bento.db.audit_log import SYSTEM
from bento.jobs.repository import JobRepository
from bento.settings import DAY_S
from bento.storage.object_store import ObjectStore

CANCELLED_RETENTION_S = DAY_S


def cancel_or_delete(
    jobs: JobRepository, store: ObjectStore, tenant: str, job_id: str, actor: str = SYSTEM
) -> Literal["cancelled", "deleted"] | None:
    """Cancel a queued or running job, or delete all data of one that has ended.

    Args:
        actor: Who asks, for the audit log.

    Returns:
        What was done; None if the tenant has no such job.
    """
    if _cancel(jobs, store, tenant, job_id, actor):
        store.remove(job_id)
        jobs.clear_upload(job_id)
        return "cancelled"
    if jobs.find(tenant, job_id) is None:
        return None
    store.remove(job_id)  # before the row: on a full disk it makes the room that the row needs
    return "deleted" if jobs.delete(tenant, job_id, actor) else None


def _cancel(jobs: JobRepository, store: ObjectStore, tenant: str, job_id: str, actor: str) -> bool:
    try:
        return jobs.cancel(tenant, job_id, CANCELLED_RETENTION_S, actor)
    except OperationalError as error:
        is_full = getattr(error.orig, "sqlite_errorname", "") == "SQLITE_FULL"
        if not is_full or jobs.find(tenant, job_id) is None:
            raise
        store.remove(job_id)
        return jobs.cancel(tenant, job_id, CANCELLED_RETENTION_S, actor)
