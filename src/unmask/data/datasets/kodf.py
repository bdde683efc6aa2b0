"""Adapter for KoDF (Kwon et al., ICCV 2021): Korean people and six ways of forging their faces.

``original_videos/PERSON/PERSON_NNN.mp4`` and ``synthesized_videos/METHOD/…/`` with files
``PERSON_SOURCE_CODE_NNN.mp4``, whose footage shows PERSON. Names of the methods' folders:
``audio-driven``, ``dffs``, ``dfl``, ``fo`` and ``fsgan``. Read from loaders of people who have the
data, as the authors publish no description of the files. The authors assign no splits and do not
say whether the sound of a fake belongs to the person.
"""

from collections.abc import Iterator
from pathlib import Path

from unmask.data.datasets.entry import NONE, DatasetEntry
from unmask.data.protocols.video_sets import KODF
from unmask.preprocessing.media.suffixes import VIDEO_SUFFIXES, list_media

GENUINE, FORGED = "original_videos", "synthesized_videos"
FORGED_PARTS = 4  # of the name of a forged file


def matches(folder: Path) -> bool:
    """Return whether both folders exist."""
    return (folder / GENUINE).is_dir() and (folder / FORGED).is_dir()


def iter_entries(folder: Path) -> Iterator[DatasetEntry]:
    """Yield an entry per video."""
    for path in list_media(folder / GENUINE, VIDEO_SUFFIXES):
        person = path.stem.rpartition("_")[0] or path.stem
        yield _entry(path, person, NONE)
    for path in list_media(folder / FORGED, VIDEO_SUFFIXES):
        parts = path.stem.split("_")
        person = parts[0] if len(parts) == FORGED_PARTS else path.stem
        yield _entry(path, person, path.relative_to(folder / FORGED).parts[0])


def _entry(path: Path, person: str, method: str) -> DatasetEntry:
    is_fake = method != NONE
    return DatasetEntry(
        path=path,
        source=KODF.name,
        identity=person,
        pair_id=person,  # the name of a fake does not tell the recording
        manipulation=method,
        fake_video=is_fake,
        fake_audio=None if is_fake else False,
        licence=KODF.licence,
    )
