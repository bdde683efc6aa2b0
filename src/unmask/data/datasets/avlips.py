"""Adapter for AVLips (Liu et al., NeurIPS 2024): lips moved to other speech.

``0_real/0.mp4`` and ``1_fake/0.mp4``, with their sound once more in ``wav/``, which is left out;
as in the authors' github.com/AaronComo/LipFD. The set names no person and no method, and does not
say which clips are made from the same footage. It is for testing. The lips of a fake follow other
speech; whether its sound is that speech is not stated, so its voice is unknown.
"""

from collections.abc import Iterator
from pathlib import Path

from unmask.data.datasets.entry import NONE, DatasetEntry
from unmask.data.protocols.video_sets import AVLIPS
from unmask.preprocessing.media.suffixes import VIDEO_SUFFIXES, list_media


def matches(folder: Path) -> bool:
    """Return whether both folders exist."""
    return all((folder / name).is_dir() for name in AVLIPS.labels)


def iter_entries(folder: Path) -> Iterator[DatasetEntry]:
    """Yield an entry per video."""
    for name, is_fake in AVLIPS.labels.items():
        for path in list_media(folder / name, VIDEO_SUFFIXES):
            clip = path.relative_to(folder).with_suffix("").as_posix()
            yield DatasetEntry(
                path=path,
                source=AVLIPS.name,
                identity=clip,
                pair_id=clip,
                manipulation="lip-sync" if is_fake else NONE,
                fake_video=is_fake,
                fake_audio=None if is_fake else False,
                licence=AVLIPS.licence,
            )
