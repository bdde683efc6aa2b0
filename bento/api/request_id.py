"""The id of a request: sent by the client as ``X-Request-ID``, or made here."""

import re
import uuid

from starlette.types import Scope

from bento.log_records import set_request_id

HEADER = "X-Request-ID"
_FORM = re.compile(rb"[A-Za-z0-9._:-]{1,128}")  # others could forge or blow up lines of the log


def assign_request_id(scope: Scope) -> str:
    """Return the request's id, and let log records and errors name it.

    A client's own id is taken if it has 1 to 128 letters, digits or ``._:-``.
    """
    name = HEADER.lower().encode()
    sent = next((value for header, value in scope["headers"] if header == name), b"")
    request_id = sent.decode() if _FORM.fullmatch(sent) else uuid.uuid4().hex
    set_request_id(request_id)
    return request_id
