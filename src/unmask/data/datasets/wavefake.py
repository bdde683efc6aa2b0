"""Adapter for WaveFake (Frank & Schönherr, NeurIPS Datasets and Benchmarks 2021).

``generated_audio/CORPUS_VOCODER/LJ001-0001_gen.wav`` is made from ``LJ001-0001`` of LJSpeech or
``BASIC5000_0001`` of JSUT; ``common_voices_prompts_from_conformer_fastspeech2_pwg_ljspeech/`` holds
other sentences in the voice of LJSpeech. The genuine recordings are not part of the set. Put
``LJSpeech-1.1/`` and ``jsut_ver1.1/`` into the folder, or into its ``real_audio/``.
Layout and names as in the authors' github.com/RUB-SysSec/WaveFake and in loaders such as
github.com/MuSAELab/AUDDT. All speech is that of two people, so the set is for testing.
"""

from collections.abc import Iterator
from pathlib import Path

from unmask.data.datasets.entry import NONE, DatasetEntry
from unmask.data.protocols.audio_sets import WAVEFAKE
from unmask.preprocessing.media.suffixes import AUDIO_SUFFIXES, list_media

GENERATED = "generated_audio"
METHODS = {  # and whose voice they have
    "common_voices_prompts_from_conformer_fastspeech2_pwg_ljspeech": "LJSpeech",
    "jsut_multi_band_melgan": "JSUT",
    "jsut_parallel_wavegan": "JSUT",
    "ljspeech_full_band_melgan": "LJSpeech",
    "ljspeech_hifiGAN": "LJSpeech",
    "ljspeech_melgan": "LJSpeech",
    "ljspeech_melgan_large": "LJSpeech",
    "ljspeech_multi_band_melgan": "LJSpeech",
    "ljspeech_parallel_wavegan": "LJSpeech",
    "ljspeech_waveglow": "LJSpeech",
}
GENUINE = {"LJSpeech-1.1/wavs": "LJSpeech", "jsut_ver1.1/basic5000/wav": "JSUT"}
GENUINE_ROOTS = (".", "real_audio")


def matches(folder: Path) -> bool:
    """Return whether a folder of one of the methods exists."""
    return any((_generated(folder) / method).is_dir() for method in METHODS)


def iter_entries(folder: Path) -> Iterator[DatasetEntry]:
    """Yield an entry per generated clip and per genuine recording."""
    for method, speaker in METHODS.items():
        for path in list_media(_generated(folder) / method, AUDIO_SUFFIXES):
            yield _entry(path, speaker, path.stem.removesuffix("_gen"), method)
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
