"""Dataset entries: files with the labels of their data set, before the media are probed."""

import csv
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any, Protocol, TypeVar

from unmask.errors import DataError
from unmask.preprocessing.media.picture_clips import PictureFolder
from unmask.records import FakeSpan

CLIPS_OF_PICTURES = "unmask_clips"  # folder inside the data set, made by the ingestion
NONE = "none"  # the manipulation of a genuine clip
Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class DatasetEntry:
    """One file with the labels of its data set.

    Attributes:
        identity: Person shown; unique within the data set.
        pair_id: Footage that the clip was made from.
        fake_video, fake_audio: ``None`` where the authors label the clip only as a whole.
        split: The authors' split; ``None`` if they assign none.
        mismatched: Whether face and voice do not belong together.
        compression: Level at which the authors encoded the clip; empty if they name none.
        generator: Tool that made the fake; empty if the authors name none.
        pictures: Pictures of which the ingestion makes the file at ``path``.
    """

    path: Path
    source: str
    identity: str
    pair_id: str
    manipulation: str
    fake_video: bool | None
    fake_audio: bool | None
    licence: str
    split: str | None = None
    fake_periods: tuple[FakeSpan, ...] = ()
    mismatched: bool = False
    compression: str = ""
    generator: str = ""
    pictures: PictureFolder | None = None

    @property
    def is_fake(self) -> bool:
        """Whether anything about the clip is forged; unknown parts are those of a fake."""
        return (self.fake_video, self.fake_audio, self.mismatched) != (False, False, False)


class DatasetAdapter(Protocol):
    """Interface of the adapter modules, one per data set layout."""

    def matches(self, folder: Path) -> bool:
        """Return whether ``folder`` has the layout of the data set."""
        ...

    def iter_entries(self, folder: Path) -> Iterator[DatasetEntry]:
        """Yield an entry per media file.

        Raises:
            DataError: The metadata are invalid.
        """
        ...


def clip_of_pictures(root: Path, folder: Path) -> Path:
    """Return where the clip of a folder of pictures lies in the data set of ``root``."""
    place = root / CLIPS_OF_PICTURES / folder.relative_to(root)
    return place.with_name(f"{place.name}.mkv")


def read_text(file: Path) -> str:
    """Return the text of a file in UTF-8, without a byte order mark; line ends stay as they are.

    Raises:
        DataError: The file cannot be read, or is in another encoding.
    """
    try:
        return file.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise DataError(f"{file}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise DataError(
            f"{file}: is not text in UTF-8 (byte {error.start}); copy the file of the authors "
            "again, or save it as UTF-8"
        ) from error


def read_json(file: Path) -> Any:
    """Return the content of a JSON file.

    Raises:
        DataError: The file cannot be read, or is not valid JSON.
    """
    try:
        return json.loads(read_text(file))
    except ValueError as error:
        raise DataError(f"{file}: cannot be read as JSON: {error}") from error


def read_json_rows(file: Path) -> list[Any]:
    """Return the elements of a JSON list.

    Raises:
        DataError: The file cannot be read, or holds no list.
    """
    rows = read_json(file)
    if not isinstance(rows, list):
        raise DataError(f"{file}: holds no JSON list; take the file as the authors publish it")
    return rows


def get_field(row: Any, name: str, kind: type[Value], file: Path, number: int) -> Value:
    """Return a field of a JSON object; ``kind`` ``int`` also takes true and false.

    Raises:
        DataError: The row is no object, or the field is absent or of another type.
    """
    value = row.get(name) if isinstance(row, Mapping) else None
    if not isinstance(value, kind) or value == "":
        raise DataError(
            f"{file}: row {number}: {name!r} is {value!r}; expected a value of type "
            f"{kind.__name__}; correct the row or remove it"
        )
    return value


def to_fake_spans(pairs: Any, modality: str, file: Path, number: int) -> tuple[FakeSpan, ...]:
    """Convert pairs of start and end in seconds to the fake spans of one modality.

    A segment without length forges nothing and is left out.

    Raises:
        DataError: They are no pairs of numbers, or one ends before it starts; the message names the
            file and the row.
    """
    try:
        spans = tuple(FakeSpan(float(start), float(end), modality) for start, end in pairs)
    except (TypeError, ValueError) as error:
        raise DataError(
            f"{file}: row {number}: segments {pairs!r} are no pairs of start and end in seconds"
        ) from error
    if wrong := [span for span in spans if not 0 <= span.start_s <= span.end_s]:
        raise DataError(
            f"{file}: row {number}: segment [{wrong[0].start_s:g}, {wrong[0].end_s:g}] ends before "
            "it starts, or starts before 0; correct the row or remove it"
        )
    return tuple(span for span in spans if span.start_s < span.end_s)


def read_rows(
    file: Path, columns: Sequence[str], delimiter: str = ","
) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the rows of a table with a header, each with its number; the header is row 1.

    Raises:
        DataError: The file cannot be read, or it or a row lacks one of ``columns``.
    """
    rows = csv.DictReader(StringIO(read_text(file), newline=""), delimiter=delimiter)
    try:
        if missing := [name for name in columns if name not in (rows.fieldnames or ())]:
            raise DataError(
                f"{file}: missing column(s) {', '.join(missing)}; the columns are "
                f"{', '.join(rows.fieldnames or ())}"
            )
        for number, row in enumerate(rows, start=2):
            if short := [name for name in columns if row[name] is None]:
                raise DataError(
                    f"{file}: row {number}: ends before column(s) {', '.join(short)}; "
                    "complete the row or remove it"
                )
            yield number, row
    except csv.Error as error:
        raise DataError(f"{file}: cannot be read as a table: {error}") from error


def has_columns(file: Path, columns: Iterable[str], delimiter: str = ",") -> bool:
    """Return whether a file exists and its first line names ``columns``."""
    if not file.is_file():
        return False
    try:
        with file.open(newline="", encoding="utf-8-sig", errors="replace") as stream:
            return set(columns) <= set(next(csv.reader(stream, delimiter=delimiter), ()))
    except csv.Error:
        return False
    except OSError as error:
        raise DataError(f"{file}: cannot be read as a table: {error}") from error


def look_up(word: Any, meanings: Mapping[str, Value], file: Path, number: int) -> Value:
    """Return what a word of the authors means.

    Raises:
        DataError: The word is unknown; the message names the file, the row and the known words.
    """
    if not isinstance(word, str) or word not in meanings:
        known = ", ".join(meanings)
        raise DataError(f"{file}: row {number}: {word!r} is unknown; known words are {known}")
    return meanings[word]
