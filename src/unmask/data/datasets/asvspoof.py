"""Adapter for ASVspoof: genuine (``bonafide``) and synthesised or converted (``spoof``) speech.

2019 LA (Wang et al., 2020), from the authors' README.LA.txt:
``ASVspoof2019_LA_cm_protocols/ASVspoof2019.LA.cm.train.trn.txt``, ``….dev.trl.txt`` and
``….eval.trl.txt`` with lines ``SPEAKER FILE - ATTACK KEY``; sound in
``ASVspoof2019_LA_train/flac/FILE.flac``.

2021 LA and DF (Liu et al., 2023), from the README of github.com/asvspoof-challenge/2021,
eval-package: ``keys/LA/CM/trial_metadata.txt`` with lines
``SPEAKER FILE CODEC TRANSMISSION ATTACK KEY TRIM SUBSET``, and ``keys/DF/CM/`` alike with the
source of the speech in place of the transmission and further columns; sound in
``ASVspoof2021_LA_eval/flac/``. Results are published for the subset ``eval``; ``progress`` was for
development, and ``hidden`` (without silence) is left out.

5 (Wang et al., 2024), from the authors' README.txt: ``ASVspoof5.train.tsv``,
``ASVspoof5.dev.track_1.tsv`` and ``ASVspoof5.eval.track_1.tsv`` with lines
``SPEAKER FILE GENDER CODEC CODEC_Q CODEC_SEED ATTACK_TAG ATTACK KEY TMP``; sound in ``flac_T/``,
``flac_D/`` and ``flac_E_eval/``.

A folder may hold several of them. Speakers of 2021 LA are those of the evaluation of 2019 LA.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from unmask.data.datasets.entry import NONE, DatasetEntry, look_up, read_text
from unmask.data.protocols.audio_sets import (
    ASVSPOOF_5,
    ASVSPOOF_2019_LA,
    ASVSPOOF_2021_DF,
    ASVSPOOF_2021_LA,
)
from unmask.data.protocols.protocol import Protocol
from unmask.errors import DataError

SUBSETS_2021 = {"eval": "test", "progress": "val", "hidden": ""}
KEYS_2021 = ("keys/{}/CM", "{}/CM", "*/keys/{}/CM")  # archives of the keys unpack differently


@dataclass(frozen=True, slots=True)
class _List:
    """One list of trials.

    Attributes:
        protocol: The data set.
        paths: Globs of the list, relative to the data set.
        sound: Folder of the FLAC files.
        split: Split of all trials; empty if the column ``subset`` says it.
        columns: Number of columns, which may be followed by others.
        attack, key, codec, subset: Positions of columns; ``None`` if there is no such column.
    """

    protocol: Protocol
    paths: tuple[str, ...]
    sound: str
    split: str
    columns: int
    attack: int
    key: int
    codec: int | None = None
    subset: int | None = None


def _list_2019(file: str, part: str, split: str) -> _List:
    paths = tuple(f"{root}ASVspoof2019_LA_cm_protocols/{file}" for root in ("", "LA/"))
    sound = f"ASVspoof2019_LA_{part}/flac"
    return _List(ASVSPOOF_2019_LA, paths, sound, split, 5, attack=3, key=4)


def _list_2021(track: str, protocol: Protocol) -> _List:
    paths = tuple(f"{place.format(track)}/trial_metadata.txt" for place in KEYS_2021)
    sound = f"ASVspoof2021_{track}_eval/flac"
    return _List(protocol, paths, sound, "", 8, attack=4, key=5, codec=2, subset=7)


def _list_5(part: str, sound: str, split: str) -> _List:
    paths = tuple(f"{root}ASVspoof5.{part}.tsv" for root in ("", "ASVspoof5_protocols/"))
    return _List(ASVSPOOF_5, paths, sound, split, 10, attack=7, key=8, codec=3)


LISTS = (
    _list_2019("ASVspoof2019.LA.cm.train.trn.txt", "train", "train"),
    _list_2019("ASVspoof2019.LA.cm.dev.trl.txt", "dev", "val"),
    _list_2019("ASVspoof2019.LA.cm.eval.trl.txt", "eval", "test"),
    _list_2021("LA", ASVSPOOF_2021_LA),
    _list_2021("DF", ASVSPOOF_2021_DF),
    _list_5("train", "flac_T", "train"),
    _list_5("dev.track_1", "flac_D", "val"),
    _list_5("eval.track_1", "flac_E_eval", "test"),
)


def matches(folder: Path) -> bool:
    """Return whether the folder has one of the lists."""
    return any(_find(folder, trials) for trials in LISTS)


def iter_entries(folder: Path) -> Iterator[DatasetEntry]:
    """Yield an entry per trial.

    Raises:
        DataError: A list cannot be read, or a line has too few columns or an unknown word.
    """
    for trials in LISTS:
        if file := _find(folder, trials):
            root = file.parents[1] if file.parent.name.endswith("_cm_protocols") else folder
            for number, line in enumerate(read_text(file).splitlines(), start=1):
                row = line.split()
                if len(row) < trials.columns:
                    raise DataError(
                        f"{file}: row {number}: has {len(row)} columns; a list of "
                        f"{trials.protocol.name} has {trials.columns} or more"
                    )
                split = trials.split
                if trials.subset is not None:
                    split = look_up(row[trials.subset], SUBSETS_2021, file, number)
                if split:
                    is_spoof = look_up(row[trials.key], trials.protocol.labels, file, number)
                    yield _entry(root / trials.sound, trials, row, split, is_spoof)


def _find(folder: Path, trials: _List) -> Path | None:
    """Return the list of trials, or ``None`` if the folder lacks it."""
    return next((file for path in trials.paths for file in sorted(folder.glob(path))), None)


def _entry(sound: Path, trials: _List, row: list[str], split: str, is_spoof: bool) -> DatasetEntry:
    codec = "-" if trials.codec is None else row[trials.codec]
    return DatasetEntry(
        path=sound / f"{row[1]}.flac",
        source=trials.protocol.name,
        identity=row[0],
        pair_id=row[1],
        manipulation=row[trials.attack] if is_spoof else NONE,
        fake_video=False,
        fake_audio=is_spoof,
        licence=trials.protocol.licence,
        split=split,
        compression="" if codec == "-" else codec,
    )
