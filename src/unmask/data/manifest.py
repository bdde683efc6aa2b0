"""Reads and writes the manifest: one row per clip, as CSV or Parquet, next to the media files.

Paths in the manifest are relative to its folder, so a data set can be moved as a whole.
"""

import json
import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, fields
from hashlib import sha256
from pathlib import Path
from typing import Any, get_type_hints

import pandas as pd

from unmask.data.splits import separate_development
from unmask.errors import DataError
from unmask.files import atomic_write
from unmask.records import Clip, FakeSpan

FILE_NAMES = ("manifest.csv", "manifest.parquet")
COLUMNS = tuple(field.name for field in fields(Clip))
# absent from older manifests, which stay valid
ADDED_COLUMNS: dict[str, Any] = {
    "mismatched": False,
    "compression": "",
    "official_split": False,
    "from_pictures": False,
    "own_forgery": False,
    "generator": "",
    "published_set": "",
}
UNKNOWN = "unknown"  # in a CSV file, of a label
MODALITIES = ("video", "audio")


def find_manifest(path: Path) -> Path:
    """Return ``path`` if it is a file, or the manifest in the folder ``path``.

    Raises:
        DataError: The folder has no manifest, or both a CSV and a Parquet one.
    """
    if path.is_file():
        return path
    files = [path / name for name in FILE_NAMES if (path / name).is_file()]
    if not files:
        raise DataError(f"{path}: no manifest here; expected {' or '.join(FILE_NAMES)}")
    if len(files) > 1:
        raise DataError(f"{path}: has both {' and '.join(FILE_NAMES)}; delete the outdated one")
    return files[0]


def read_manifest(path: Path | str) -> tuple[Clip, ...]:
    """Read the clips of development of a manifest.

    Those are all that are not sealed, without own forgeries of ``val`` and ``test``. Arguments and
    other errors are those of :func:`read_all_clips`.

    Raises:
        DataError: The sealed clips share a person, footage or a file with the others, or there are
            no others.
    """
    clips, sealed, _ = separate_development(read_all_clips(path))
    if not clips:
        raise DataError(f"{path}: all {len(sealed)} clips are sealed; add clips to develop with")
    return clips


def read_all_clips(path: Path | str) -> tuple[Clip, ...]:
    """Read a manifest with its sealed clips; media files are not opened and need not exist.

    Args:
        path: A ``.csv`` or ``.parquet`` file, or a folder with ``manifest.csv`` or
            ``manifest.parquet``.

    Returns:
        The clips in the order of the file, with absolute paths.

    Raises:
        DataError: A column is missing, a cell is invalid, the labels of a row contradict each
            other, or there are no rows. Rows are numbered as in a spreadsheet: the header is
            row 1.
    """
    file = find_manifest(Path(path)).absolute()
    rows = read_table(file)
    rows = [ADDED_COLUMNS | row for row in rows]
    if missing := [name for name in COLUMNS if rows and name not in rows[0]]:
        raise DataError(
            f"{file}: missing column(s) {', '.join(missing)}; a manifest has {', '.join(COLUMNS)}"
        )
    return tuple(_clip(row, file, number) for number, row in enumerate(rows, start=2))


def read_table(file: Path) -> list[dict[str, Any]]:
    """Read the rows of a CSV file (every cell as text) or a Parquet file, unchecked.

    Raises:
        DataError: The file is of another type, cannot be parsed, or has no rows.
    """
    try:
        if file.suffix == ".parquet":
            table = pd.read_parquet(file)
        elif file.suffix == ".csv":
            table = pd.read_csv(file, dtype=str, keep_default_na=False, encoding="utf-8-sig")
        else:
            raise DataError(f"{file}: is {file.suffix or 'without suffix'}; use .csv or .parquet")
    except (OSError, ValueError) as error:  # parse errors of pandas and pyarrow are ValueErrors
        raise DataError(f"{file}: cannot be read as a table: {error}") from error
    if table.empty:
        raise DataError(f"{file}: has no rows; list at least one clip")
    return [{str(name): cell for name, cell in row.items()} for row in table.to_dict("records")]


def write_manifest(clips: Sequence[Clip], path: Path | str) -> Path:
    """Write ``clips``; :func:`read_all_clips` returns the same clips.

    Args:
        path: A ``.csv`` or ``.parquet`` file, or a folder for ``manifest.csv``.

    Returns:
        The file, written atomically.

    Raises:
        DataError: There are no clips.
    """
    file = Path(path)
    file = file if file.suffix in (".csv", ".parquet") else file / FILE_NAMES[0]
    if not clips:
        raise DataError(f"{file}: no clips to write; a manifest lists at least one")
    table = pd.DataFrame([_row(clip, file.parent) for clip in clips], columns=list(COLUMNS))
    with atomic_write(file) as unfinished:
        if file.suffix == ".parquet":
            table.to_parquet(unfinished, index=False)
        else:
            table.to_csv(unfinished, index=False, lineterminator="\n", na_rep=UNKNOWN)
    return file


def manifest_hash(clips: Sequence[Clip]) -> str:
    """Return the SHA-256 of the clips' metadata and media hashes, 64 hexadecimal digits.

    It changes with any label, split or byte of the media, but neither with the location of the
    files nor with the order of the rows.
    """
    rows = [_hashed(clip) for clip in clips]
    text = json.dumps(sorted(rows, key=lambda row: (row["clip_id"], row["sha256"])))
    return sha256(text.encode()).hexdigest()


def content_hash(clips: Sequence[Clip]) -> str:
    """Return the SHA-256 of the clips' media and labels alone, 64 hexadecimal digits.

    Unlike :func:`manifest_hash` it stays the same when clips or their data set are renamed.
    """
    rows = sorted(f"{clip.sha256} {'fake' if clip.is_fake else 'real'}" for clip in clips)
    return sha256("\n".join(rows).encode()).hexdigest()


def _hashed(clip: Clip) -> dict[str, Any]:
    """Return what the hash depends on; a column that was added counts once it is used."""
    values = asdict(clip) | {"path": ""}
    unused = [name for name, default in ADDED_COLUMNS.items() if values[name] == default]
    return {name: value for name, value in values.items() if name not in unused}


def _row(clip: Clip, folder: Path) -> dict[str, Any]:
    # resolve the parents only: DVC may replace the file itself by a link into its cache
    media = clip.path.parent.resolve() / clip.path.name
    return asdict(clip) | {
        "path": Path(os.path.relpath(media, folder.resolve())).as_posix(),
        "fake_periods": json.dumps([asdict(period) for period in clip.fake_periods]),
    }


def _clip(row: Mapping[str, Any], file: Path, number: int) -> Clip:
    values: dict[str, Any] = {}
    for name, (parse, remedy) in _PARSERS.items():
        try:
            values[name] = parse(row[name])
        except (ValueError, TypeError, KeyError) as error:
            raise DataError(
                f"{file}: row {number}, column {name}: {row[name]!r} is invalid; {remedy}"
            ) from error
    values["path"] = file.parent / values["path"]
    try:
        return Clip(**values)
    except DataError as error:
        raise DataError(f"{file}: row {number}: {error}") from error


def parse_bool(cell: Any) -> bool:
    """Parse a boolean, or ``true`` or ``false`` in upper or lower case.

    Raises:
        ValueError: Any other value, such as ``yes``, ``1`` or an empty cell.
    """
    text = str(cell).strip().lower()
    if text not in ("true", "false"):
        raise ValueError(f"{cell!r} is neither true nor false; write true or false")
    return text == "true"


def parse_label(cell: Any) -> bool | None:
    """Parse a label like :func:`parse_bool`; ``None`` or ``unknown`` is an unknown one.

    Raises:
        ValueError: Any other value.
    """
    is_unknown = cell is None or str(cell).strip().lower() == UNKNOWN
    return None if is_unknown else parse_bool(cell)


def _text(cell: Any) -> str:
    if not isinstance(cell, str) or not cell.strip():
        raise ValueError(cell)
    return cell


def _free_text(cell: Any) -> str:
    if not isinstance(cell, str):
        raise TypeError(cell)
    return cell


def _sha(cell: Any) -> str:
    if len(cell) != 64 or set(cell) - set("0123456789abcdef"):
        raise ValueError(cell)
    return str(cell)


def _quantity(cell: Any) -> float:
    if isinstance(cell, bool) or not (0 <= float(cell) < math.inf):
        raise ValueError(cell)
    return float(cell)


def _count(cell: Any) -> int:
    if _quantity(cell) != int(float(cell)):
        raise ValueError(cell)
    return int(float(cell))


def _periods(cell: Any) -> tuple[FakeSpan, ...]:
    periods = []
    for item in json.loads(cell or "[]"):
        period = FakeSpan(float(item["start_s"]), float(item["end_s"]), item["modality"])
        if not 0 <= period.start_s < period.end_s or period.modality not in MODALITIES:
            raise ValueError(item)
        periods.append(period)
    return tuple(periods)


_PARSERS_BY_TYPE: dict[Any, tuple[Callable[[Any], Any], str]] = {
    str: (_text, "write a non-empty text"),
    Path: (_text, "write the path of the media file, relative to the folder of the manifest"),
    bool: (parse_bool, "write true or false"),
    bool | None: (parse_label, f"write true, false or {UNKNOWN}"),
    float: (_quantity, "write a number, 0 or more"),
    int: (_count, "write an integer, 0 or more"),
    tuple[FakeSpan, ...]: (
        _periods,
        'write a JSON list such as [{"start_s": 1.2, "end_s": 1.9, "modality": "audio"}], or []',
    ),
}
_PARSERS = {name: _PARSERS_BY_TYPE[kind] for name, kind in get_type_hints(Clip).items()} | {
    "sha256": (_sha, "write the file's SHA-256: 64 lower-case hexadecimal digits"),
    "licence": (_free_text, "write a text"),
    "compression": (_free_text, "write a text"),
    "generator": (_free_text, "write a text"),
    "published_set": (_free_text, "write a text"),
}
