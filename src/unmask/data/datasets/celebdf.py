"""Adapter for Celeb-DF v2 (Li et al., CVPR 2020) and Celeb-DF++ (Li et al., 2025).

Files: ``Celeb-real/id0_0000.mp4``, ``Celeb-synthesis/id0_id1_0000.mp4`` (footage of id0, face of
id1), ``YouTube-real/00000.mp4`` and ``List_of_testing_videos.txt``. In Celeb-DF++ the forgeries are
in folders of a scenario and a method: ``Celeb-synthesis/TalkingFace/FLOAT/id0_0000_test_….mp4`` is
made from the recording 0000 of id0 and from speech of VoxCeleb2. Every celebrity is swapped with
many others, so the identity of a clip is the person in the original footage, not the face donor.
People of the test list also appear in clips off the list.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from unmask.data.datasets.entry import NONE, DatasetEntry
from unmask.data.protocols.video_sets import CELEB_DF_PP, CELEB_DF_V2
from unmask.preprocessing.media.suffixes import VIDEO_SUFFIXES, list_media

REAL, SYNTHESIS, YOUTUBE = "Celeb-real", "Celeb-synthesis", "YouTube-real"
TEST_LIST = "List_of_testing_videos.txt"
SCENARIOS = ("FaceSwap", "FaceReenact", "TalkingFace")  # folders of Celeb-DF++
FILE_NAME = re.compile(r"^(?P<target>id\d+)_(?:(?P<donor>id\d+)_)?(?P<recording>\d+)(?:_.+)?$")


def matches(folder: Path) -> bool:
    """Return whether the folders of genuine and of synthesised celebrity videos exist."""
    return (folder / REAL).is_dir() and (folder / SYNTHESIS).is_dir()


def iter_entries(folder: Path) -> Iterator[DatasetEntry]:
    """Yield an entry per video; those on the authors' test list get the split ``test``."""
    tests = _test_list(folder / TEST_LIST)
    is_plus = any((folder / SYNTHESIS / scenario).is_dir() for scenario in SCENARIOS)
    protocol = CELEB_DF_PP if is_plus else CELEB_DF_V2
    for tree in (REAL, SYNTHESIS, YOUTUBE):
        for path in list_media(folder / tree, VIDEO_SUFFIXES):
            name = FILE_NAME.match(path.stem)
            person = name["target"] if name else f"{tree}_{path.stem}"
            is_fake = tree == SYNTHESIS
            method = _method(path.relative_to(folder))
            yield DatasetEntry(
                path=path,
                source=protocol.name,
                identity=person,
                pair_id=f"{person}_{name['recording']}" if name else person,
                manipulation=method if is_fake else NONE,
                fake_video=is_fake,
                fake_audio=False,
                licence=protocol.licence,
                split="test" if (tree, method, path.name) in tests else None,
            )


def _method(path: Path) -> str:
    """Return scenario and method of a forgery of Celeb-DF++; those of v2 are face swaps."""
    parts = path.parts[1:-1]
    return "-".join(parts) if parts and parts[0] in SCENARIOS else "faceswap"


def _test_list(file: Path) -> set[tuple[str, str, str]]:
    """Return folder, method and name of each test video.

    A line reads ``1 YouTube-real/00170.mp4``. Some copies have further folders below the first.
    """
    if not file.is_file():
        return set()
    lines = [line.split() for line in file.read_text().splitlines()]
    paths = [Path(line[1]) for line in lines if len(line) == 2]
    return {(path.parts[0], _method(path), path.name) for path in paths}
