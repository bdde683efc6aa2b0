"""Cursors of job lists: where a page ends, so that new jobs do not shift the next one."""

import base64
import binascii
import math
from typing import NamedTuple, Self

from bento.errors import CursorError


class Cursor(NamedTuple):
    """The last job of a page.

    Attributes:
        created_at: Seconds since 1970.
    """

    created_at: float
    job_id: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read what :meth:`to_text` wrote.

        Raises:
            CursorError: It is not such a text.
        """
        try:
            plain = base64.b64decode(text, altchars=b"-_", validate=True).decode("ascii")
            created_at, job_id = plain.split(" ")
            cursor = cls(float(created_at), job_id)
        except (ValueError, binascii.Error) as error:
            raise CursorError("cursor: is not one of this service; take it from `next`") from error
        if not math.isfinite(cursor.created_at):
            raise CursorError("cursor: is not one of this service; take it from `next`")
        return cursor

    def to_text(self) -> str:
        """Return the cursor as an opaque text for URLs.

        Example:
            >>> Cursor.parse(Cursor(1777888800.25, "a0").to_text())
            Cursor(created_at=1777888800.25, job_id='a0')
        """
        plain = f"{self.created_at!r} {self.job_id}"
        return base64.urlsafe_b64encode(plain.encode()).decode()
