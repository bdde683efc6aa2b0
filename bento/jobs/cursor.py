"""Cursors of job lists: where a page ends, so that new jobs do not shift the next one."""

import base64
import binascii
import json
import math
from typing import NamedTuple, Self

from bento.errors import CursorError

MAX_VALUE = 1e15
FOREIGN = "cursor: is not one of this service; take it from `next`"


class Cursor(NamedTuple):
    """The last job of a page.

    Attributes:
        sort: Order of the list.
        value: What the list is ordered by, of this job: a name, or a finite number.
    """

    sort: str
    value: str | float
    job_id: str

    @classmethod
    def parse(cls, text: str, sort: str) -> Self:
        """Read what :meth:`to_text` wrote for a list in the order ``sort``.

        Raises:
            CursorError: It is not such a text.
        """
        try:
            plain = base64.b64decode(text, altchars=b"-_", validate=True).decode()
            cursor = cls(*json.loads(plain))
        except (ValueError, TypeError, RecursionError, binascii.Error) as error:
            raise CursorError(FOREIGN) from error
        if not (_is_storable(cursor.value) and _is_storable(cursor.job_id)):
            raise CursorError(FOREIGN)
        is_name = isinstance(cursor.value, str)
        if cursor.sort != sort or is_name != (sort == "name") or type(cursor.job_id) is not str:
            raise CursorError(FOREIGN)
        return cursor

    def to_text(self) -> str:
        """Return the cursor as an opaque text for URLs.

        Example:
            >>> Cursor.parse(Cursor("newest", 1777888800.25, "a0").to_text(), "newest")
            Cursor(sort='newest', value=1777888800.25, job_id='a0')
        """
        plain = json.dumps(self, ensure_ascii=False, separators=(",", ":"))
        return base64.urlsafe_b64encode(plain.encode()).decode()


def _is_storable(value: object) -> bool:
    """Return whether a database takes the value: no NUL, no lone surrogate, finite."""
    if isinstance(value, str):
        return "\0" not in value and not any("\ud800" <= letter <= "\udfff" for letter in value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return math.isfinite(value) and abs(value) < MAX_VALUE
