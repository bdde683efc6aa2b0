"""Adapter for AV-Deepfake1M (Cai et al., ACM Multimedia 2024): words replaced in voice and lips.

``train_metadata.json`` and ``val_metadata.json`` are lists of objects with ``file``,
``modify_type``, ``visual_fake_segments`` and ``audio_fake_segments`` in seconds. The videos are in
``train/`` and ``val/``: ``PERSON/FOOTAGE/TAKE/real.mp4`` and its forgeries. The labels of the
authors' test split are not public.
"""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from unmask.data.datasets.entry import NONE, DatasetEntry, read_json, to_fake_spans

LICENCE = "AV-Deepfake1M terms (CC BY-NC 4.0, research only)"
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
    """Yield an entry per row of the metadata; rows of an unknown ``modify_type`` are skipped."""
    for split in ("train", "val"):
        file = folder / f"{split}_metadata.json"
        for row in read_json(file) if file.is_file() else ():
            if row["modify_type"] in FORGED:
                yield _entry(folder / split, row, split)


def _entry(folder: Path, row: dict[str, Any], split: str) -> DatasetEntry:
    fake_video, fake_audio = FORGED[row["modify_type"]]
    footage = PurePosixPath(row["file"]).parent
    # some annotations also list segments of the stream that was not modified
    video_pairs = row.get("visual_fake_segments") or [] if fake_video else []
    audio_pairs = row.get("audio_fake_segments") or [] if fake_audio else []
    return DatasetEntry(
        path=folder / row["file"],
        source="AV-Deepfake1M",
        identity=footage.parts[0],
        pair_id=footage.as_posix(),
        manipulation=row["modify_type"] if fake_video or fake_audio else NONE,
        fake_video=fake_video,
        fake_audio=fake_audio,
        licence=LICENCE,
        split=split,
        fake_periods=to_fake_spans(video_pairs, "video") + to_fake_spans(audio_pairs, "audio"),
    )
