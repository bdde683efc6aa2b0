"""Adapter for WaveFake (Frank & Schönherr, NeurIPS Datasets and Benchmarks 2021).

``generated_audio/CORPUS_VOCODER/LJ001-0001_gen.wav`` is made from ``LJ001-0001`` of LJSpeech or
``BASIC5000_0001`` of JSUT; ``common_voices_prompts_from_conformer_fastspeech2_pwg_ljspeech/`` holds
other sentences in the voice of LJSpeech. The genuine recordings are not part of the set. Put
``LJSpeech-1.1/`` and ``jsut_ver1.1/`` beside or below the folder, or into ``real_audio/``.
Layout and names as in the authors' github.com/RUB-SysSec/WaveFake and in loaders such as
github.com/MuSAELab/AUDDT. All speech is that of two people, so the set is for testing.
"""

from collections.abc import Iterator
from pathlib import Path

from unmask.data.datasets.entry import NONE, DatasetEntry
from unmask.data.protocols.audio_sets import WAVEFAKE
from unmask.preprocessing.media.suffixes import AUDIO_SUFFIXES, list_media

GENERATED = "generated_audio"
GENUINE = {"LJSpeech-1.1/wavs": "LJSpeech", "jsut_ver1.1/basic5000/wav": "JSUT"}
GENUINE_ROOTS = (".", "real_audio")


def matches(folder: Path) -> bool:
    """Return whether a folder of one of the two corpora and a vocoder exists."""
    return any(any(_generated(folder).glob(f"{corpus}_*melgan")) for corpus in ("ljspeech", "jsut"))


def iter_entries(folder: Path) -> Iterator[DatasetEntry]:
    """Yield an entry per generated clip and per genuine recording."""
    for method in sorted(path for path in _generated(folder).iterdir() if path.is_dir()):
        speaker = "JSUT" if method.name.startswith("jsut") else "LJSpeech"
        for path in list_media(method, AUDIO_SUFFIXES):
            yield _entry(path, speaker, path.stem.removesuffix("_gen"), method.name)
    for root in GENUINE_ROOTS:
        for place, speaker in GENUINE.items():
            if (folder / root / place).is_dir():
                for path in list_media(folder / root / place, AUDIO_SUFFIXES):
                    yield _entry(path, speaker, path.stem, NONE)


def _generated(folder: Path) -> Path:
    nested = folder / GENERATED
    return nested if nested.is_dir() else folder


def _entry(path: Path, speaker: str, utterance: str, method: str) -> DatasetEntry:
    return DatasetEntry(
        path=path,
        source=WAVEFAKE.name,
        identity=speaker,
        pair_id=f"{speaker}_{utterance}",
        manipulation=method,
        fake_video=False,
        fake_audio=method != NONE,
        licence=WAVEFAKE.licence,
    )
