"""A client of the service's HTTP API, `unmask.client`; extra `client`.

Example::

    from unmask.client import Client

    with Client("http://localhost:3000") as client:
        report = client.analyze("clip.mp4")
        print(report.verdict, report.fake_probability)
"""

from unmask.client.client import Client
from unmask.client.errors import (
    JobFailedError,
    ServiceError,
    ServiceUnreachableError,
    WaitTimeoutError,
)
from unmask.client.models import BatchAccepted, BatchItem, Job, JobAccepted, JobSummary

__all__ = [
    "BatchAccepted",
    "BatchItem",
    "Client",
    "Job",
    "JobAccepted",
    "JobFailedError",
    "JobSummary",
    "ServiceError",
    "ServiceUnreachableError",
    "WaitTimeoutError",
]
