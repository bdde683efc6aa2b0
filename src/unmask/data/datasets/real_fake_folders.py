"""Adapter for a folder with ``real/`` and ``fake/`` and media files below them.

The identity of ``real/ann/1.mp4`` is ``ann``; a file directly in ``real/`` or ``fake/`` is treated
as a separate person. Whether face or voice of a fake video is forged is unknown.
"""

import logging
from collections.abc import Iterator
from pathlib import Path

from unmask.data.datasets.entry import NONE, DatasetEntry
from unmask.preprocessing.media.suffixes import AUDIO_SUFFIXES, list_media

log = logging.getLogger(__name__)


def matches(folder: Path) -> bool:
    """Return whether both folders exist."""
    return (folder / "real").is_dir() and (folder / "fake").is_dir()


def iter_entries(folder: Path) -> Iterator[DatasetEntry]:
    """Yield an entry per media file."""
    unnamed = 0
    for label in ("real", "fake"):
        for path in list_media(folder / label):
            is_fake, is_audio = label == "fake", path.suffix.lower() in AUDIO_SUFFIXES
            parts = path.relative_to(folder / label).parts
            unnamed += len(parts) == 1
            # real/1.mp4 and fake/1.mp4 are assumed to be the same footage
            person = parts[0] if len(parts) > 1 else path.stem
            yield DatasetEntry(
                path=path,
                source=folder.name,
                identity=person,
                pair_id=person,
                manipulation="unknown" if is_fake else NONE,
                fake_video=None if is_fake and not is_audio else False,
                fake_audio=None if is_fake else False,
                licence="",
            )
    if unnamed:
        log.warning(
            "%s: %d clips name no person and count as one person each, so the splits may share "
            "people; sort the files into real/PERSON/ and fake/PERSON/",
            folder,
            unnamed,
        )
