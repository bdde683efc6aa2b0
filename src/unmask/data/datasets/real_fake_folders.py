"""A folder with nothing but ``real/`` and ``fake/`` in it, and media below them.

``real/ann/1.mp4`` shows ann; a file right inside ``real/`` is its own person.
"""

import logging
from collections.abc import Iterator
from pathlib import Path

from unmask.data.datasets.entry import NONE, DatasetEntry, media_files

log = logging.getLogger(__name__)


def recognises(folder: Path) -> bool:
    """Whether both folders are there."""
    return (folder / "real").is_dir() and (folder / "fake").is_dir()


def listing(folder: Path) -> Iterator[DatasetEntry]:
    """Every media file; each fake counts as one of the face."""
    nameless = 0
    for label in ("real", "fake"):
        for path in media_files(folder / label):
            inside = path.relative_to(folder / label).parts
            nameless += len(inside) == 1
            # real/1.mp4 and fake/1.mp4 are taken for the same footage
            person = inside[0] if len(inside) > 1 else path.stem
            yield DatasetEntry(
                path=path,
                source=folder.name,
                identity=person,
                pair_id=person,
                manipulation=NONE if label == "real" else "unknown",
                fake_video=label == "fake",
                fake_audio=False,
                licence="",
            )
    if nameless:
        log.warning(
            "%s: %d clips name no person and count as one each, so the splits may share people; "
            "sort them into real/PERSON/ and fake/PERSON/",
            folder,
            nameless,
        )
