"""Which fields a form may have: an option that would be ignored silently is refused."""

from collections.abc import Sequence

from starlette.datastructures import FormData
from starlette.requests import Request

from bento.api.error_response import RequestRejected

MAX_SHOWN_LENGTH = 80


class FormFields:
    """The fields of one form, checked as they arrive.

    Args:
        known: Names that the route reads.
        repeatable: The name that may be given several times, if any.
    """

    def __init__(self, known: Sequence[str], repeatable: str = "") -> None:
        self._known = known
        self._repeatable = repeatable
        self._given: set[str] = set()

    def add(self, name: str) -> None:
        """Check the next field.

        Raises:
            RequestRejected: 400, the route does not read the field. 422, its name has upper-case
                letters, or it was given before.
        """
        if name in self._given and name != self._repeatable:
            raise RequestRejected("invalid_request", f"{name}: is given 2 times; send it once")
        if name in self._known:
            self._given.add(name)
            return
        shown = printable(name)
        if name.lower() in self._known:
            message = f"{shown}: field names are lower case; send {name.lower()}"
            raise RequestRejected("invalid_request", message)
        message = f"{shown}: unknown form field; send {', '.join(self._known)}"
        raise RequestRejected("unknown_field", message)


def reject_empty_options(form: FormData) -> None:
    """Reject a field without a value; FastAPI would take the option's default instead.

    Raises:
        RequestRejected: 422, a field is empty.
    """
    for name, value in form.multi_items():
        if value == "":
            message = f"{name}: is empty; send a value, or leave the field out"
            raise RequestRejected("invalid_request", message)


async def reject_query_options(request: Request) -> None:
    """Reject a query parameter, which would be ignored silently.

    Raises:
        RequestRejected: 422, the query string is not empty.
    """
    for name in request.query_params:
        message = f"{printable(name)}: send it as a form field, not in the query string"
        raise RequestRejected("invalid_request", message)


def printable(name: str) -> str:
    """Return a client's word for use in a message: printable, and not too long."""
    return "".join(letter for letter in name if letter.isprintable())[:MAX_SHOWN_LENGTH]
