"""Adapter for In-the-Wild (Müller et al., Interspeech 2022): speech of public figures.

``meta.csv`` with the columns ``file``, ``speaker`` and ``label`` (``bona-fide`` or ``spoof``)
stands beside the WAV files of ``release_in_the_wild/``. The authors assign no splits; the set is
for testing.
"""

from collections.abc import Iterator
from pathlib import Path

from unmask.data.datasets.entry import NONE, DatasetEntry, has_columns, look_up, read_rows
from unmask.data.protocols.audio_sets import IN_THE_WILD

TABLE = "meta.csv"
COLUMNS = ("file", "speaker", "label")


def matches(folder: Path) -> bool:
    """Return whether the table with its three columns exists."""
    return has_columns(folder / TABLE, COLUMNS)


def iter_entries(folder: Path) -> Iterator[DatasetEntry]:
    """Yield an entry per row.

    Raises:
        DataError: A label is unknown.
    """
    for number, row in read_rows(folder / TABLE, COLUMNS):
        is_spoof = look_up(row["label"], IN_THE_WILD.labels, folder / TABLE, number)
        yield DatasetEntry(
            path=folder / row["file"],
            source=IN_THE_WILD.name,
            identity=row["speaker"],
            pair_id=row["file"],
            manipulation="unknown" if is_spoof else NONE,
            fake_video=False,
            fake_audio=is_spoof,
            licence=IN_THE_WILD.licence,
        )
