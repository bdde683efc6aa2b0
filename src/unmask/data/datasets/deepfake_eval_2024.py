"""Adapter for Deepfake-Eval-2024 (Chandra et al., 2025): media that circulated in 2024.

``video-data/`` with ``video-metadata-publish.csv`` (or ``…-with-links.csv``), whose columns are
``Filename``, ``Video Ground Truth``, ``Audio Ground Truth``, ``Finetuning Set`` and others, and
``audio-data/`` with ``audio-metadata-publish.csv``, which has ``Ground Truth`` instead. Labels are
``Real``, ``Fake`` and ``Unknown``; sets are ``Train`` and ``Test``; or all of it in lower case.
Pictures are left out, and so are media of which nothing is known to be forged and something is
unknown. Columns and words as read by public loaders of the set
(huggingface.co/datasets/nuriachandra/Deepfake-Eval-2024) and in the copy of the first table in
github.com/esha-shaik/deepfake-detection. Nobody is named.
"""

from collections.abc import Iterator
from pathlib import Path

from unmask.data.datasets.entry import NONE, DatasetEntry, has_columns, look_up, read_rows
from unmask.data.protocols.video_sets import DEEPFAKE_EVAL_2024

WORDS = {**DEEPFAKE_EVAL_2024.labels, "Unknown": None}
LABELS = {**WORDS, **{word.lower(): label for word, label in WORDS.items()}, "": None}
SPLITS = {"Train": "train", "Test": "test", "train": "train", "test": "test"}
NAMES = ("{}-metadata-publish.csv", "{}-metadata-publish-with-links.csv")
COLUMNS = ("Filename", "Finetuning Set")
LABEL_COLUMNS = {
    "video": ("Video Ground Truth", "Audio Ground Truth"),
    "audio": ("Ground Truth",),
}


def matches(folder: Path) -> bool:
    """Return whether one of the tables exists."""
    return any(_table(folder, kind) for kind in LABEL_COLUMNS)


def iter_entries(folder: Path) -> Iterator[DatasetEntry]:
    """Yield an entry per row of the tables.

    Raises:
        DataError: A label or a set is unknown.
    """
    for kind, columns in LABEL_COLUMNS.items():
        if not (file := _table(folder, kind)):
            continue
        for number, row in read_rows(file, (*COLUMNS, *columns)):
            labels = [look_up(row[name].strip(), LABELS, file, number) for name in columns]
            fake_video, fake_audio = labels if kind == "video" else (False, labels[0])
            if True in labels or None not in labels:
                split = look_up(row["Finetuning Set"].strip(), SPLITS, file, number)
                path = folder / f"{kind}-data" / row["Filename"]
                yield _entry(path, fake_video, fake_audio, split)


def _table(folder: Path, kind: str) -> Path | None:
    files = [folder / name.format(kind) for name in NAMES]
    return next((file for file in files if has_columns(file, COLUMNS)), None)


def _entry(
    path: Path, fake_video: bool | None, fake_audio: bool | None, split: str
) -> DatasetEntry:
    return DatasetEntry(
        path=path,
        source=DEEPFAKE_EVAL_2024.name,
        identity=path.stem,
        pair_id=path.stem,
        manipulation="unknown" if fake_video or fake_audio else NONE,
        fake_video=fake_video,
        fake_audio=fake_audio,
        licence=DEEPFAKE_EVAL_2024.licence,
        split=split,
    )
