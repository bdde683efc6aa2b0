"""Errors of the service, each with the code that a client gets."""

import signal
from typing import ClassVar, Literal

from unmask.errors import UnmaskError


class ServiceError(UnmaskError):
    """Base of the errors that the service itself raises.

    Attributes:
        code: Kind of the error in the HTTP API, which tells the status of the response. The message
            of ``misconfigured`` is logged and not sent, as it may name a path of this machine.
    """

    code: ClassVar[str] = "misconfigured"


class StorageUnavailableError(ServiceError):
    """The object store does not answer or rejects the service's credentials."""

    code = "storage_unavailable"


class StorageFullError(ServiceError):
    """The disk, or the tenant's share of it, is full."""

    code = "storage_full"


class QueueFullError(ServiceError):
    """The queue, or the tenant's share of it, is full."""

    code = "queue_full"


class IdempotencyError(ServiceError):
    """An Idempotency-Key was sent again with another file or other options."""

    code = "idempotency_key_reused"


class UploadTooLargeError(ServiceError):
    """An upload exceeds the size limit."""

    code = "upload_too_large"


class CursorError(ServiceError):
    """The cursor of a list was not made by this service."""

    code = "invalid_request"


class SourceRefusedError(ServiceError):
    """A file cannot be fetched from the address that the client named."""

    code = "source_refused"


class WebhookUrlError(ServiceError):
    """A webhook URL is malformed, unknown or not public."""

    code = "webhook_url_refused"


class AuditError(ServiceError):
    """The audit log is not what was written: a row was changed, removed or put in between."""


class AnalysisCrashedError(ServiceError):
    """The sandboxed analysis crashed or exceeded a resource limit.

    Attributes:
        kind: ``crash``, ``memory`` or ``time``; a label of the failure metric.
        retryable: Whether another attempt may succeed.
    """

    code = "analysis_failed"

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
        exit_code: Negative for the signal that ended the process.
    """

    def __init__(self, exit_code: int) -> None:
        name = signal.Signals(-exit_code).name if exit_code < 0 else f"exit code {exit_code}"
        super().__init__(name)
        self.exit_code = exit_code
