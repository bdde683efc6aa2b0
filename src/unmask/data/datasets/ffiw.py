"""Adapter for FFIW-10K (Zhou et al., CVPR 2021): several people, one of whom has another face.

``source/SPLIT/`` holds genuine and ``target/SPLIT/`` forged videos, at times in a further folder
``videos/``; ``target_mask/`` is left out. The authors' github.com/tfzhou/FFIW names the splits
``train`` and ``val``; the ``test`` release came later. Without it val serves as the test split, as
in Shiohara & Yamasaki, CVPR 2022 (github.com/mapooon/SelfBlendedImages). Nobody is named: equal
file names count as the same footage.
"""

from collections.abc import Iterator
from pathlib import Path

from unmask.data.datasets.entry import NONE, DatasetEntry
from unmask.data.protocols.video_sets import FFIW
from unmask.preprocessing.media.suffixes import VIDEO_SUFFIXES, list_media
from unmask.records import SPLITS


def matches(folder: Path) -> bool:
    """Return whether both folders have a folder of the same split."""
    return any(all((folder / tree / split).is_dir() for tree in FFIW.labels) for split in SPLITS)


def iter_entries(folder: Path) -> Iterator[DatasetEntry]:
    """Yield an entry per video."""
    has_test = (folder / "target" / "test").is_dir()
    for tree, is_fake in FFIW.labels.items():
        for split in SPLITS:
            for path in list_media(folder / tree / split, VIDEO_SUFFIXES):
                footage = f"{split}_{path.stem}"
                yield DatasetEntry(
                    path=path,
                    source=FFIW.name,
                    identity=footage,
                    pair_id=footage,
                    manipulation="faceswap" if is_fake else NONE,
                    fake_video=is_fake,
                    fake_audio=False,
                    licence=FFIW.licence,
                    split="test" if split == "val" and not has_test else split,
                )
