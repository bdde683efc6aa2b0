"""Adapter for MLAAD (Müller et al., IJCNN 2024): speech of many synthesisers and languages.

``fake/LANGUAGE/MODEL/meta.csv``, separated by ``|``, with ``path``, ``original_file``,
``model_name`` and ``architecture``, among others, beside the WAV files. The sentences are those of
M-AILABS, whose recordings are not part of the set but of MLAAD-tiny, in ``original/``. Layout and
columns as in the authors' huggingface.co/datasets/mueller91/MLAAD. The voices are nobody's in
particular: each model and language counts as one speaker.
"""

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from unmask.data.datasets.entry import NONE, DatasetEntry, has_columns, read_rows
from unmask.data.protocols.audio_sets import MLAAD
from unmask.preprocessing.media.suffixes import AUDIO_SUFFIXES, list_media

TABLES = "fake/*/*/meta.csv"
COLUMNS = ("path", "original_file", "architecture")
DELIMITER = "|"
GENUINE = "original"


def matches(folder: Path) -> bool:
    """Return whether a model's table exists."""
    return any(has_columns(file, COLUMNS, DELIMITER) for file in sorted(folder.glob(TABLES)))


def iter_entries(folder: Path) -> Iterator[DatasetEntry]:
    """Yield an entry per row of the tables, and per genuine recording.

    Raises:
        DataError: A table or a row lacks a column.
    """
    for file in sorted(folder.glob(TABLES)):
        model, language = file.parent.name, file.parent.parent.name
        for _, row in read_rows(file, COLUMNS, DELIMITER):
            path = file.parent / PurePosixPath(row["path"]).name
            sentence = PurePosixPath(row["original_file"]).stem
            speaker, method = f"{language}_{model}", row["architecture"]
            yield _entry(path, speaker, f"{speaker}_{sentence}", method)
    for path in list_media(folder / GENUINE, AUDIO_SUFFIXES):
        # M-AILABS: en_US/by_book/female/judy_bieber/BOOK/wavs/FILE.wav
        speaker = "_".join(path.relative_to(folder / GENUINE).parts[:-3]) or path.stem
        yield _entry(path, speaker, path.stem, NONE)


def _entry(path: Path, speaker: str, sentence: str, method: str) -> DatasetEntry:
    return DatasetEntry(
        path=path,
        source=MLAAD.name,
        identity=speaker,
        pair_id=sentence,
        manipulation=method,
        fake_video=False,
        fake_audio=method != NONE,
        licence=MLAAD.licence,
    )
