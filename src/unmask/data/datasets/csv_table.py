"""Adapter for a folder with a simple ``manifest.csv`` with the columns ``file`` and ``label``.

Optional columns: ``manipulation``, ``person_id``, ``pair_id``, ``fake_video``, ``fake_audio``,
``mismatched``, ``split``, ``generator``, ``source`` (or ``source_repo``) and ``licence`` (or
``licence_of_repo``). Other columns are ignored; duration, size and frame rate are read from the
media.
"""

import logging
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from unmask.data.datasets.entry import NONE, DatasetEntry
from unmask.data.forgeries.methods import FACE_METHODS, VOICE_METHODS, VOICE_SWAP
from unmask.data.manifest import (
    FILE_NAMES,
    UNKNOWN,
    find_manifest,
    parse_bool,
    parse_label,
    read_table,
)
from unmask.errors import DataError
from unmask.records import SEALED, SPLITS

# whole names, listed in docs/own-data.md; any other name leaves face and voice unknown
FACE_NAMES = (
    *("face", "faceswap", "face-swap", "reenactment", "face-reenactment"),
    *("lipsync", "lip-sync", "synthesis", *FACE_METHODS),
)
VOICE_NAMES = (
    *("voice", "audio", "speech", "tts", "text-to-speech", "vocoder"),
    *("voice-clone", "voice-cloning", "voice-conversion", *VOICE_METHODS),
)
# whether face and voice are forged, and whether they are mismatched
Parts = tuple[bool | None, bool | None, bool]
PARTS: dict[str, Parts] = {
    **dict.fromkeys(FACE_NAMES, (True, False, False)),
    **dict.fromkeys(VOICE_NAMES, (False, True, False)),
    VOICE_SWAP: (False, False, True),  # a genuine voice of another person
}

log = logging.getLogger(__name__)


def matches(folder: Path) -> bool:
    """Return whether the folder has a manifest with the two required columns."""
    return any((folder / name).is_file() for name in FILE_NAMES) and {"file", "label"} <= set(
        read_table(find_manifest(folder))[0]
    )


def iter_entries(folder: Path) -> Iterator[DatasetEntry]:
    """Yield an entry per row.

    ``fake_video`` and ``fake_audio`` are ``true``, ``false`` or ``unknown``. One that is not given
    follows from the manipulation of the fake: ``PARTS`` says what a name means, ``+`` joins names,
    and any other name leaves it unknown, which a warning counts. A clip without ``person_id`` is
    treated as a separate person.

    Raises:
        DataError: A label or a split is unknown; the message names the row.
    """
    file = find_manifest(folder)
    unknown: Counter[str] = Counter()
    for number, row in enumerate(read_table(file), start=2):
        try:
            entry = _entry(folder, row)
        except ValueError as error:
            raise DataError(f"{file}: row {number}: {error}") from error
        if entry.is_fake and not all(
            _is_stated(row, name) for name in ("fake_video", "fake_audio")
        ):
            unknown.update(_unknown_names(entry.manipulation))
        yield entry
    if unknown:
        counts = ", ".join(f"{name} {count}" for name, count in unknown.most_common())
        log.warning(
            "%s: names of manipulations that do not tell whether face or voice is forged: %s; both "
            "count as unknown unless fake_video and fake_audio are given",
            file,
            counts,
        )


def _entry(folder: Path, row: dict[str, Any]) -> DatasetEntry:
    label = str(row["label"]).strip().lower()
    if label not in ("real", "fake"):
        raise ValueError(f"column label: {row['label']!r} is unknown; write real or fake")
    if not row["file"]:
        raise ValueError("column file is empty; name the clip's file")
    split = row.get("split") or None
    known = (*SPLITS, SEALED)
    if split not in (None, *known):
        raise ValueError(f"column split: {split!r} is unknown; use one of {', '.join(known)}")
    is_fake, stem = label == "fake", Path(row["file"]).stem
    manipulation = (row.get("manipulation") or UNKNOWN) if is_fake else NONE
    parts = _forged_parts(row, manipulation) if is_fake else (False, False, False)
    fake_video, fake_audio, mismatched = parts
    person = row.get("person_id") or stem
    return DatasetEntry(
        path=folder / row["file"],
        source=row.get("source") or row.get("source_repo") or folder.name,
        identity=person,
        pair_id=row.get("pair_id") or person,
        manipulation=manipulation,
        fake_video=fake_video,
        fake_audio=fake_audio,
        licence=row.get("licence") or row.get("licence_of_repo") or "",
        split=split,
        mismatched=mismatched,
        generator=(row.get("generator") or "") if is_fake else "",
    )


def _forged_parts(row: dict[str, Any], manipulation: str) -> Parts:
    """Return whether face and voice of a fake are forged, and whether they are mismatched."""
    fake_video, fake_audio, is_mismatched = _parts_by_name(manipulation)
    has_video, has_audio = (_is_stated(row, name) for name in ("fake_video", "fake_audio"))
    if has_video:
        fake_video = parse_label(row["fake_video"])
    if has_audio:
        fake_audio = parse_label(row["fake_audio"])
    if _is_stated(row, "mismatched"):
        is_mismatched = parse_bool(row["mismatched"])
    elif has_video and has_audio:
        is_mismatched = False
    if (fake_video, fake_audio, is_mismatched) == (False, False, False):
        raise ValueError(
            "label is fake, but fake_video and fake_audio are false; set one of them, or mismatched"
        )
    return fake_video, fake_audio, is_mismatched


def _is_stated(row: dict[str, Any], column: str) -> bool:
    return row.get(column) not in (None, "")


def _names(manipulation: str) -> list[str]:
    """Return the names that ``+`` joins, with ``-`` between words as in ``PARTS``."""
    return [re.sub(r"[\s_]+", "-", name.strip().lower()) for name in manipulation.split("+")]


def _unknown_names(manipulation: str) -> list[str]:
    return [name for name in _names(manipulation) if name not in (*PARTS, UNKNOWN)]


def _parts_by_name(manipulation: str) -> Parts:
    parts = [PARTS.get(name, (None, None, False)) for name in _names(manipulation)]
    faces, voices, mismatches = zip(*parts, strict=True)
    return _any_forged(faces), _any_forged(voices), any(mismatches)


def _any_forged(labels: tuple[bool | None, ...]) -> bool | None:
    """Return the label of a part that several methods touch; a forgery outweighs an unknown."""
    if True in labels:
        return True
    return None if None in labels else False
