"""Adapter for DF40 (Yan et al., NeurIPS 2024): frames of 23 face swaps and reenactments.

The authors publish lists of frames and the frames, cut out and aligned, 32 of a video at even
distances (github.com/YZY-stack/DF40, README.md and preprocessing/rearrange.py). The folder has

- ``dataset_json/``: ``simswap_ff.json``, ``simswap_cdf.json``, … with the structure
  ``{"simswap_ff": {"simswap_Fake": {"test": {VIDEO: {"label": "simswap_Fake", "frames": […]}}}}}``,
- what the paths in them name below ``deepfakes_detection_datasets/``, such as
  ``DF40/blendface/cdf/frames/id0_id1_0000/000.png``,
  ``DF40_train/facedancer/frames/993_989/131.png`` and the genuine frames
  ``FaceForensics++/original_sequences/youtube/c23/frames/268/047.png`` and
  ``Celeb-DF-v2/Celeb-real/frames/id0_0000/045.png``.

Such paths are quoted in github.com/HawyHoWingYam/AWARE-NET (df40_rearrange_with_json.py and
analyze_path_conversion_logic.py); a list itself is in github.com/Stakuga/DF40. The name of a
picture is the number of its frame (preprocessing/preprocess.py). Names of videos begin with those
of FaceForensics++ (domain ff) and Celeb-DF (cdf); people are told as in these sets.

The lists repeat the test videos under ``val`` and genuine videos under each method: of several
splits of a video, the last of train, val and test counts. Left out are the lists that combine
several methods, such as ``FSAll_ff``, and those of synthesised or edited pictures, which are no
frames of a video: the authors fill the folders of videos with such pictures (issue 16).
"""

import logging
import re
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from unmask.data.datasets import celebdf, faceforensics
from unmask.data.datasets.entry import NONE, DatasetEntry, clip_of_pictures, look_up, read_json
from unmask.data.protocols.video_sets import DF40
from unmask.errors import DataError
from unmask.preprocessing.media.picture_clips import PictureFolder
from unmask.records import SPLITS

log = logging.getLogger(__name__)

LISTS = "dataset_json"
TREES = ("DF40", "DF40_train")
MARKER = "deepfakes_detection_datasets/"  # in the paths of the lists, the folder of all sets
FF, CDF = "ff", "cdf"
OWN_DOMAIN = ("deepfacelab", "heygen")  # with genuine videos of their own
METHODS = (
    *("fsgan", "faceswap", "simswap", "inswap", "blendface"),
    *("uniface", "mobileswap", "e4s", "facedancer"),
    *("fomm", "facevid2vid", "wav2lip", "mraa", "one_shot_free", "pirender"),
    *("tpsm", "lia", "danet", "sadtalker", "mcnet", "hyperreenact"),
)
WORDS = {"Real": False, "Fake": True}  # at the end of a label
SPLIT_WORDS = {split: split for split in SPLITS}
FIRST_NUMBER = re.compile(r"\d+")


def matches(folder: Path) -> bool:
    """Return whether the lists and one of the folders of forged frames exist."""
    return (folder / LISTS).is_dir() and any((folder / tree).is_dir() for tree in TREES)


def iter_entries(folder: Path) -> Iterator[DatasetEntry]:
    """Yield an entry per video of the lists of single methods.

    Raises:
        DataError: A list has another structure, or no list is of one of ``METHODS``.
    """
    videos: dict[Path, DatasetEntry] = {}
    left_out = []
    partners, _ = faceforensics.official_splits(folder / "FaceForensics++")
    for file in sorted((folder / LISTS).glob("*.json")):
        method, domain = _method_and_domain(file.stem)
        if not method:
            left_out.append(file.stem)
            continue
        for entry in _listed(folder, file, method, domain, partners):
            known = videos.get(entry.path)
            if known is None or _rank(entry) > _rank(known):
                videos[entry.path] = entry
    if left_out:
        log.warning("%s: left out %d lists: %s", folder, len(left_out), ", ".join(left_out))
    if not videos:
        raise DataError(
            f"{folder / LISTS}: no list of a face swap or reenactment, such as simswap_ff.json; "
            "copy the lists that the authors publish"
        )
    yield from videos.values()


def _method_and_domain(stem: str) -> tuple[str, str]:
    """Return method and domain of a list by its name; empty for a list that is left out."""
    name = stem.lower()
    if name in OWN_DOMAIN:
        return name, ""
    method, _, domain = name.rpartition("_")
    return (method, domain) if method in METHODS and domain in (FF, CDF) else ("", "")


def _rank(entry: DatasetEntry) -> int:
    return SPLITS.index(entry.split or SPLITS[0])


def _listed(
    folder: Path, file: Path, method: str, domain: str, partners: Mapping[str, str]
) -> Iterator[DatasetEntry]:
    """Yield an entry per video of a list that has frames."""
    empty = 0
    for number, (split, video, record) in enumerate(_iter_records(file), start=1):
        if not record["frames"]:
            empty += 1
            continue
        word = str(record["label"]).rpartition("_")[2]
        is_fake = look_up(word, WORDS, file, number)
        pictures = _pictures(folder, record["frames"], file)
        person, footage = _person(video, method, domain, partners)
        yield DatasetEntry(
            path=clip_of_pictures(folder, pictures.folder),
            source=DF40.name,
            identity=person,
            pair_id=footage,
            manipulation=method if is_fake else NONE,
            fake_video=is_fake,
            fake_audio=False,
            licence=DF40.licence,
            split=look_up(split, SPLIT_WORDS, file, number),
            pictures=pictures,
        )
    if empty:
        log.warning("%s: %d videos without frames are left out", file, empty)


def _iter_records(file: Path) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Yield split, name and record of each video of a list."""
    try:
        for labels in read_json(file).values():
            for splits in labels.values():
                for split, videos in splits.items():
                    for video, record in videos.items():
                        yield split, video, {key: record[key] for key in ("label", "frames")}
    except (AttributeError, KeyError, TypeError) as error:
        raise DataError(
            f"{file}: is not a list of DF40 (name, label, split, video, then label and frames): "
            f"{error}; copy the authors' list again"
        ) from error


def _pictures(folder: Path, frames: list[str], file: Path) -> PictureFolder:
    paths = [PurePosixPath(text.replace("\\", "/").rpartition(MARKER)[2]) for text in frames]
    place = paths[0].parent
    if place.is_absolute() or ".." in place.parts or any(path.parent != place for path in paths):
        raise DataError(
            f"{file}: the frames of a video do not lie in one folder below {MARKER}, first "
            f"{frames[0]}; copy the authors' list again"
        )
    return PictureFolder(folder / place, tuple(path.name for path in paths))


def _person(video: str, method: str, domain: str, partners: Mapping[str, str]) -> tuple[str, str]:
    """Return person and footage of a video; those of another form of name are of its own."""
    if domain == CDF and (name := celebdf.FILE_NAME.match(video)):
        return f"{CDF}_{name['target']}", f"{CDF}_{name['target']}_{name['recording']}"
    if domain == FF and (number := FIRST_NUMBER.match(video)):
        target = number[0]
        # as in FaceForensics++: two videos that swap faces count as one person
        return f"{FF}_{min(target, partners.get(target, target))}", f"{FF}_{target}"
    own = f"{domain or method}_{video}"
    return own, own
