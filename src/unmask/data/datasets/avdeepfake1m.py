"""AV-Deepfake1M (Cai et al., ACM Multimedia 2024): words replaced in speech and on lips.

``train_metadata.json`` and ``val_metadata.json``, lists with ``file``, ``modify_type``,
``visual_fake_segments`` and ``audio_fake_segments`` in seconds; the videos lie in ``train/``
and ``val/``, as ``PERSON/FOOTAGE/TAKE/real.mp4`` and its forgeries. The labels of the
authors' test split are not public.
"""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from unmask.data.datasets.entry import NONE, DatasetEntry, periods, read_json

LICENCE = "AV-Deepfake1M terms (CC BY-NC 4.0, research only)"
FORGED = {
    "real": (False, False),
    "visual_modified": (True, False),
    "audio_modified": (False, True),
    "both_modified": (True, True),
}


def recognises(folder: Path) -> bool:
    """Whether one of the two metadata files is there."""
    return any((folder / f"{split}_metadata.json").is_file() for split in ("train", "val"))


def listing(folder: Path) -> Iterator[DatasetEntry]:
    """Every entry of the metadata files, except those of an unknown ``modify_type``."""
    for split in ("train", "val"):
        file = folder / f"{split}_metadata.json"
        for row in read_json(file) if file.is_file() else ():
            if row["modify_type"] in FORGED:
                yield _listed(folder / split, row, split)


def _listed(folder: Path, row: dict[str, Any], split: str) -> DatasetEntry:
    fake_video, fake_audio = FORGED[row["modify_type"]]
    footage = PurePosixPath(row["file"]).parent
    # the annotation of some clips also holds segments of the stream that was not touched
    seen = periods(row.get("visual_fake_segments") or [], "video") if fake_video else ()
    heard = periods(row.get("audio_fake_segments") or [], "audio") if fake_audio else ()
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
        fake_periods=seen + heard,
    )
