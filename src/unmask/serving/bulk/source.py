"""Sources of a bulk analysis: where the bytes of one video are."""

from dataclasses import dataclass
from typing import Literal

from unmask.serving.bulk.row import ErrorKind

INSIDE = "!/"  # separates an archive from the name of a file in it


@dataclass(frozen=True, slots=True)
class Member:
    """A file in an archive.

    Attributes:
        archive: Kind of the archive.
        position: Place among all members of a zip archive; byte offset of the content in the
            uncompressed tar archive.
        name: Name in the archive; never used as a path.
    """

    archive: Literal["zip", "tar"]
    position: int
    name: str


@dataclass(frozen=True, slots=True)
class Source:
    """One video to analyze.

    Attributes:
        path: Its name in the results, see :class:`~unmask.serving.bulk.row.Row`.
        location: Local path or URL of the file, or of the archive that contains it.
        size_bytes: Null where the server states none.
        version: Changes whenever the content does.
    """

    path: str
    location: str
    size_bytes: int | None
    version: str
    member: Member | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """Something given or listed that cannot be analyzed."""

    path: str
    error: ErrorKind
    message: str


@dataclass(frozen=True, slots=True)
class Opened:
    """A folder, an archive or a pattern that has something to analyze.

    A row of an earlier run that says otherwise no longer holds.
    """

    path: str


Listed = Source | Problem | Opened


def printable_path(location: str) -> str:
    r"""Return a path as valid UTF-8; other bytes of a file name are escaped.

    Example:
        >>> printable_path("a\udcff.mp4")
        'a\\udcff.mp4'
    """
    return location.encode("utf-8", "backslashreplace").decode()


def member_path(archive: str, name: str, occurrence: int = 1) -> str:
    """Return the path of a file in an archive; a name that occurs again gets a number.

    Example:
        >>> member_path("a.zip", "b/c.mp4"), member_path("a.zip", "b/c.mp4", 2)
        ('a.zip!/b/c.mp4', 'a.zip!/b/c.mp4#2')
    """
    number = "" if occurrence == 1 else f"#{occurrence}"
    return f"{archive}{INSIDE}{printable_path(name)}{number}"
