"""Adapter for WildDeepfake (Zi et al., ACM Multimedia 2020): faces cut out of videos of the web.

``deepfake_in_the_wild/`` has the folders ``real_train/``, ``real_test/``, ``fake_train/`` and
``fake_test/`` with archives such as ``1.tar.gz``, to be unpacked in place. Each holds
``1/fake/131/942.png``: archive, label, face sequence and, as the authors say, the number of the
frame in the original video (github.com/OpenTAI/wild-deepfake). Archives and paths are those of
huggingface.co/datasets/xingjunm/WildDeepfake, whose pictures have 224 x 224 pixels. The authors
name neither people nor videos: archives of one number and split count as one person and footage.
"""

from collections.abc import Iterator
from pathlib import Path

from unmask.data.datasets.entry import NONE, DatasetEntry, clip_of_pictures
from unmask.data.protocols.video_sets import WILD_DEEPFAKE
from unmask.errors import DataError
from unmask.preprocessing.media.picture_clips import PICTURE_SUFFIXES, PictureFolder

HOME = "deepfake_in_the_wild"
SPLITS = ("train", "test")
ARCHIVE = ".tar.gz"
FORGED = "deepfake"  # the authors name no method
UNPACK = 'unpack them in place: for file in *.tar.gz; do tar -xf "$file"; done'


def matches(folder: Path) -> bool:
    """Return whether the four folders exist, here or in the folder that the authors publish."""
    return _home(folder) is not None


def iter_entries(folder: Path) -> Iterator[DatasetEntry]:
    """Yield an entry per face sequence.

    Raises:
        DataError: An archive is not unpacked, or a folder is not where the authors put it.
    """
    home = _home(folder) or folder
    for word, is_fake in WILD_DEEPFAKE.labels.items():
        for split in SPLITS:
            tree = home / f"{word}_{split}"
            for sequence in _sequences(tree, word):
                group = f"{split}_{sequence.relative_to(tree).parts[0]}"
                yield DatasetEntry(
                    path=clip_of_pictures(folder, sequence),
                    source=WILD_DEEPFAKE.name,
                    identity=group,
                    pair_id=group,
                    manipulation=FORGED if is_fake else NONE,
                    fake_video=is_fake,
                    fake_audio=False,
                    licence=WILD_DEEPFAKE.licence,
                    split=split,
                    pictures=PictureFolder(sequence, _picture_names(sequence)),
                )


def _home(folder: Path) -> Path | None:
    trees = [f"{word}_{split}" for word in WILD_DEEPFAKE.labels for split in SPLITS]
    homes = (folder / HOME, folder)
    return next((home for home in homes if all((home / name).is_dir() for name in trees)), None)


def _sequences(tree: Path, word: str) -> list[Path]:
    """Return the folders of pictures of one of the four folders."""
    unpacked = _folders(tree)
    names = {path.name for path in unpacked}
    packed = sorted(path.name for path in tree.glob(f"*{ARCHIVE}"))
    if missing := [name for name in packed if name.removesuffix(ARCHIVE) not in names]:
        raise DataError(
            f"{tree}: {len(missing)} of {len(packed)} archives are not unpacked, first "
            f"{missing[0]}; {UNPACK}"
        )
    labels = [path for archive in unpacked for path in _folders(archive)]
    if misplaced := [path for path in labels if path.name != word]:
        raise DataError(
            f"{misplaced[0]}: is not expected in {tree.name}, whose pictures lie in "
            f"ARCHIVE/{word}/SEQUENCE/; unpack the archives again"
        )
    sequences = [path for label in labels for path in _folders(label)]
    if not sequences:
        raise DataError(f"{tree}: holds no ARCHIVE/{word}/SEQUENCE/; get the archives and {UNPACK}")
    return sequences


def _folders(folder: Path) -> list[Path]:
    paths = (path for path in folder.iterdir() if not path.name.startswith("."))
    return sorted(path for path in paths if path.is_dir())


def _picture_names(folder: Path) -> tuple[str, ...]:
    files = (path.name for path in folder.iterdir() if path.suffix.lower() in PICTURE_SUFFIXES)
    return tuple(sorted(name for name in files if not name.startswith(".")))
