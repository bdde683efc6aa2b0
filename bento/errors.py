"""Errors of the service, each with the HTTP status that a client gets."""

import signal
from typing import ClassVar, Literal

from unmask.errors import UnmaskError


class ServiceError(UnmaskError):
    """Base of the errors that the service itself raises.

    Attributes:
        status: HTTP status of the response. The message of a 500 is logged and not sent, as it may
            name a path of this machine.
    """

    status: ClassVar[int] = 500


class StorageUnavailableError(ServiceError):
    """The object store does not answer or rejects the service's credentials."""

    status = 503


class StorageFullError(ServiceError):
    """The disk, or the tenant's share of it, is full."""

    status = 507


class QueueFullError(ServiceError):
    """The queue, or the tenant's share of it, is full."""

    status = 429


class IdempotencyError(ServiceError):
    """An Idempotency-Key was sent again with another file or other options."""

    status = 409


class UploadTooLargeError(ServiceError):
    """An upload exceeds the size limit."""

    status = 413


class WebhookUrlError(ServiceError):
    """A webhook URL is malformed, unknown or not public."""

    status = 422


class AuditError(ServiceError):
    """The audit log is not what was written: a row was changed, removed or put in between."""


class AnalysisCrashedError(ServiceError):
    """The sandboxed analysis crashed or exceeded a resource limit.

    Attributes:
        kind: ``crash``, ``memory`` or ``time``; a label of the failure metric.
        retryable: Whether another attempt may succeed.
    """

    status = 422

    def __init__(
        self, kind: Literal["crash", "memory", "time"], message: str, retryable: bool
    ) -> None:
        super().__init__(message)
        self.kind = kind
        self.retryable = retryable


class AnalysisCancelledError(ServiceError):
    """The job was cancelled, or the worker is stopping."""


class ChildExitedError(ServiceError):
    """The sandboxed child process has exited.

    Attributes:
        code: Exit code; negative for the signal that ended the process.
    """

    def __init__(self, code: int) -> None:
        super().__init__(signal.Signals(-code).name if code < 0 else f"exit code {code}")
        self.code = code
