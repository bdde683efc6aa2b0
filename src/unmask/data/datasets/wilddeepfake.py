"""Refusal of WildDeepfake (Zi et al., ACM Multimedia 2020), which has pictures and no videos.

``real_train/``, ``real_test/``, ``fake_train/`` and ``fake_test/`` hold archives of faces cut out
of videos, one folder of PNG files per face (huggingface.co/datasets/xingjunm/WildDeepfake).
Timing, sound and the surroundings of the face are gone.
"""

from collections.abc import Iterator
from pathlib import Path

from unmask.data.datasets.entry import DatasetEntry
from unmask.errors import DataError

FOLDERS = ("real_train", "real_test", "fake_train", "fake_test")


def matches(folder: Path) -> bool:
    """Return whether the four folders exist."""
    return all((folder / name).is_dir() for name in FOLDERS)


def iter_entries(folder: Path) -> Iterator[DatasetEntry]:
    """Refuse the data set.

    Raises:
        DataError: Always; the message says how to make videos of the pictures.
    """
    raise DataError(
        f"{folder}: WildDeepfake has pictures of faces, and unmask reads videos; join each folder "
        "of frames to a video (ffmpeg -framerate 25 -pattern_type glob -i '*.png' CLIP.mp4) and "
        "list the videos in a manifest.csv with file, label and split"
    )
