"""The kinds of errors that the API answers with; a code, once released, keeps its meaning."""

from typing import NamedTuple


class ProblemType(NamedTuple):
    """A kind of error.

    Attributes:
        status: HTTP status of the response.
        title: What is wrong, the same for every occurrence.
    """

    status: int
    title: str


PROBLEM_TYPES = {
    "malformed_request": ProblemType(400, "The request cannot be parsed."),
    "unknown_field": ProblemType(400, "The form has a field that the route does not know."),
    "invalid_range": ProblemType(400, "The Range header is malformed."),
    "api_key_required": ProblemType(401, "The API key is missing or unknown."),
    "api_key_expired": ProblemType(401, "The API key has expired."),
    "forbidden": ProblemType(403, "The request is not allowed."),
    "loopback_only": ProblemType(403, "Without API keys, only this machine is served."),
    "cross_origin": ProblemType(403, "Another site's page sent the request."),
    "operator_required": ProblemType(403, "An operator's key is required."),
    "scope_required": ProblemType(403, "The API key may not do this."),
    "link_expired": ProblemType(403, "The signed URL is invalid or has expired."),
    "not_found": ProblemType(404, "The path does not exist."),
    "job_not_found": ProblemType(404, "No such job belongs to the caller."),
    "image_not_found": ProblemType(404, "The job has no such image."),
    "upload_not_found": ProblemType(404, "The upload is no longer stored."),
    "method_not_allowed": ProblemType(405, "The path does not allow this method."),
    "request_timeout": ProblemType(408, "The request did not arrive in time."),
    "conflict": ProblemType(409, "The state of the job does not allow this."),
    "report_not_ready": ProblemType(409, "The job has no report."),
    "report_of_other_release": ProblemType(409, "Another release made the report."),
    "idempotency_key_reused": ProblemType(409, "The Idempotency-Key belongs to another request."),
    "upload_too_large": ProblemType(413, "The upload exceeds the size limit."),
    "query_too_long": ProblemType(414, "The query string is too long."),
    "multipart_required": ProblemType(415, "The request is not multipart/form-data."),
    "range_not_satisfiable": ProblemType(416, "The range lies outside the file."),
    "invalid_request": ProblemType(422, "A parameter is missing or invalid."),
    "unreadable_media": ProblemType(422, "The file cannot be analyzed."),
    "invalid_archive": ProblemType(422, "The zip archive cannot be unpacked."),
    "source_refused": ProblemType(422, "The file cannot be fetched from this address."),
    "webhook_url_refused": ProblemType(422, "The webhook could not be delivered."),
    "analysis_failed": ProblemType(422, "The analysis crashed or exceeded a limit."),
    "rate_limited": ProblemType(429, "Too many requests were sent."),
    "queue_full": ProblemType(429, "Too many jobs are waiting."),
    "too_many_waiting": ProblemType(429, "Too many of the caller's requests are in progress."),
    "headers_too_large": ProblemType(431, "The request line or the headers are too large."),
    "internal_error": ProblemType(500, "The service failed."),
    "misconfigured": ProblemType(500, "The service is misconfigured."),
    "unavailable": ProblemType(503, "The service cannot answer at present."),
    "starting": ProblemType(503, "The service is starting."),
    "database_unavailable": ProblemType(503, "The database does not answer."),
    "storage_unavailable": ProblemType(503, "The object store does not answer."),
    "too_many_connections": ProblemType(503, "Too many connections are open."),
    "storage_full": ProblemType(507, "The disk, or the caller's share of it, is full."),
}
# of errors that the framework raises by status alone
_CODE_OF_STATUS = {problem.status: code for code, problem in reversed(PROBLEM_TYPES.items())}


def code_of_status(status: int) -> str:
    """Return the general code of an HTTP status.

    Example:
        >>> code_of_status(404), code_of_status(418), code_of_status(502)
        ('not_found', 'malformed_request', 'internal_error')
    """
    general = "malformed_request" if status < 500 else "internal_error"
    return _CODE_OF_STATUS.get(status, general)
