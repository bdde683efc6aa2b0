"""Errors of the client; all derive from :class:`unmask.errors.UnmaskError`."""

from unmask.errors import UnmaskError


class ServiceError(UnmaskError):
    """The service refused a request or failed.

    Attributes:
        status: HTTP status.
        code: Kind of the error, such as ``unreadable_media``; empty if the answer was no problem
            document, as of a proxy.
        request_id: Names the request in the service's log.
    """

    def __init__(self, detail: str, status: int, code: str, request_id: str | None) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.request_id = request_id


class ServiceUnreachableError(UnmaskError):
    """The service does not answer."""


class JobFailedError(UnmaskError):
    """A job ended without a report: it failed, or was cancelled."""


class WaitTimeoutError(UnmaskError):
    """A job has not ended in the time that the caller gave it."""
