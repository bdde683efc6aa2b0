"""Adapter for AV-Deepfake1M and AV-Deepfake1M++: words replaced in voice and lips.

Cai et al., ACM Multimedia 2024 and 2025. ``train_metadata.json`` and ``val_metadata.json`` are
lists of objects with ``file``, ``modify_type``, ``visual_fake_segments`` and
``audio_fake_segments`` in seconds. The videos are in ``train/`` and ``val/``:
``PERSON/FOOTAGE/TAKE/real.mp4`` and its forgeries. In AV-Deepfake1M++ the corpus of the footage
comes first: ``vox_celeb_2/PERSON/FOOTAGE/TAKE/``, ``lrs3/FOOTAGE/TAKE/`` and
``silent_videos/subject_17_SESSION_vid_2_6/``. LRS3 names no person, so the talk serves as the
identity. The labels of the authors' test splits are not public, so their val serves as the test
split, as in Smeu et al., CVPR 2025 (github.com/bit-ml/AVH-Align).
"""

import re
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from unmask.data.datasets.entry import (
    NONE,
    DatasetEntry,
    get_field,
    look_up,
    read_json_rows,
    to_fake_spans,
)
from unmask.data.protocols.video_sets import AV_DEEPFAKE1M, AV_DEEPFAKE1M_PP
from unmask.errors import DataError

CORPORA = ("vox_celeb_2", "lrs3", "silent_videos")  # of AV-Deepfake1M++
SUBJECT = re.compile(r"^subject_\d+(?=_|$)")
FORGED = {
    "real": (False, False),
    "visual_modified": (True, False),
    "audio_modified": (False, True),
    "both_modified": (True, True),
}


def matches(folder: Path) -> bool:
    """Return whether one of the two metadata files exists."""
    return any((folder / f"{split}_metadata.json").is_file() for split in ("train", "val"))


def iter_entries(folder: Path) -> Iterator[DatasetEntry]:
    """Yield an entry per row of the metadata.

    Raises:
        DataError: A ``modify_type`` is unknown, or a row lacks a field.
    """
    for split in ("train", "val"):
        file = folder / f"{split}_metadata.json"
        for number, row in enumerate(read_json_rows(file) if file.is_file() else (), start=1):
            yield _entry(_video_folder(folder, split), row, split, (file, number))


def _video_folder(folder: Path, split: str) -> Path:
    """Return the folder of a split's videos; unpacked archives repeat its name."""
    nested = folder / split / split
    return nested if nested.is_dir() else folder / split


def _entry(folder: Path, row: dict[str, Any], split: str, place: tuple[Path, int]) -> DatasetEntry:
    """Return the entry of a row; ``place`` is the file and the number of the row."""
    kind, name = (get_field(row, field, str, *place) for field in ("modify_type", "file"))
    fake_video, fake_audio = look_up(kind, FORGED, *place)
    footage = PurePosixPath(name).parent
    if not footage.parts:
        raise DataError(f"{place[0]}: row {place[1]}: file {name!r} is in no folder of a person")
    # some annotations also list segments of the stream that was not modified
    video_pairs = row.get("visual_fake_segments") or [] if fake_video else []
    audio_pairs = row.get("audio_fake_segments") or [] if fake_audio else []
    protocol = AV_DEEPFAKE1M_PP if footage.parts[0] in CORPORA else AV_DEEPFAKE1M
    return DatasetEntry(
        path=folder / name,
        source=protocol.name,
        identity=_person(footage),
        pair_id=footage.as_posix(),
        manipulation=kind if fake_video or fake_audio else NONE,
        fake_video=fake_video,
        fake_audio=fake_audio,
        licence=protocol.licence,
        split="test" if split == "val" else split,
        fake_periods=to_fake_spans(video_pairs, "video", *place)
        + to_fake_spans(audio_pairs, "audio", *place),
    )


def _person(footage: PurePosixPath) -> str:
    """Return the person of a folder such as ``id1/xyz/00001`` or ``vox_celeb_2/id1/xyz/00001``."""
    corpus, *inner = footage.parts
    if corpus not in CORPORA or not inner:
        return corpus
    if corpus == "vox_celeb_2":
        return inner[0]  # the same numbers as in AV-Deepfake1M
    subject = SUBJECT.match(inner[0])
    return f"{corpus}/{subject.group() if subject else inner[0]}"
