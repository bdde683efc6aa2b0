"""Optional features of a clip: optical flow, mouth crops and speech.

The whole-clip path and the window path share these functions, so that both give equal results.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from unmask.config import LipSettings, SpeechSettings
from unmask.preprocessing.faces.optical_flow import Levels
from unmask.preprocessing.media.audio import read_waveform
from unmask.preprocessing.speech.vad import detect_speech
from unmask.preprocessing.timing import StageTimer
from unmask.records import (
    RATE_HZ,
    MediaInfo,
    MouthCrops,
    PersonFeatures,
    SourceFaces,
    Waveform,
)


@dataclass(frozen=True, slots=True)
class Speech:
    """Audio of a file and its speech spans.

    Attributes:
        waveform: ``None`` without audio.
        spans_s: Start and end of each speech span in seconds, shape ``(spans, 2)``.
    """

    waveform: Waveform | None
    spans_s: NDArray[np.float64]


def read_speech(
    info: MediaInfo,
    settings: SpeechSettings,
    timer: StageTimer,
    part_s: tuple[float, float] = (0.0, math.inf),
) -> Speech:
    """Decode the audio of a file up to the end of a part, and detect the speech in the part.

    Args:
        timer: Measures the stages ``decode`` and ``speech``.

    Raises:
        MediaError: The file cannot be opened.
        MissingExtraError: The package of the VAD method is not installed.
    """
    no_spans = np.zeros((0, 2))
    if not info.has_audio:
        return Speech(None, no_spans)
    with timer.measure("decode"):
        waveform = read_waveform(info.path, part_s[1])
    if waveform is None:
        return Speech(None, no_spans)
    if math.isfinite(part_s[1]):
        waveform = _trim_waveform(waveform, 0.0, part_s[1])
    with timer.measure("speech"):
        part = _trim_waveform(waveform, part_s[0], waveform.duration_s)
        return Speech(waveform, detect_speech(part, settings) + part_s[0])


def trim_speech(speech: Speech, start_s: float, end_s: float) -> Speech:
    """Return the part from ``start_s`` to ``end_s``; its spans count from ``start_s``."""
    waveform = speech.waveform
    if waveform is not None:
        waveform = _trim_waveform(waveform, start_s, end_s)
    return Speech(waveform, _trim_spans(speech.spans_s, start_s, end_s))


def _trim_waveform(waveform: Waveform, start_s: float, end_s: float) -> Waveform:
    return Waveform(
        waveform.samples[round(start_s * RATE_HZ) : round(end_s * RATE_HZ)],
        missing_spans_s=_trim_spans(waveform.missing_spans_s, start_s, end_s),
    )


def _trim_spans(spans_s: NDArray[np.float64], start_s: float, end_s: float) -> NDArray[np.float64]:
    trimmed_s = np.clip(spans_s, start_s, end_s) - start_s
    return trimmed_s[trimmed_s[:, 1] > trimmed_s[:, 0]]


def attach_flow(
    people: tuple[PersonFeatures, ...], flow: tuple[Levels, ...] | None
) -> tuple[PersonFeatures, ...]:
    """Return the people with their optical flow; unchanged if flow is disabled (``None``)."""
    if flow is None:
        return people
    return tuple(replace(person, flow=levels) for person, levels in zip(people, flow, strict=True))


def attach_mouth_crops(
    people: tuple[PersonFeatures, ...],
    crops: Mapping[int, MouthCrops] | None,
    settings: LipSettings,
) -> tuple[PersonFeatures, ...]:
    """Return the people with their mouth crops; unchanged if crops are disabled (``None``).

    Args:
        crops: Crops by person; a person without any gets an empty record.
    """
    if crops is None:
        return people
    empty = MouthCrops(
        np.zeros((0, settings.crop_px, settings.crop_px), np.uint8),
        np.zeros(0),
        np.zeros(0, np.float32),
        settings.rate_hz,
    )
    return tuple(replace(person, lips=crops.get(person.track.person, empty)) for person in people)


def attach_source_faces(
    people: tuple[PersonFeatures, ...], sources: tuple[SourceFaces, ...] | None
) -> tuple[PersonFeatures, ...]:
    """Return the people with their faces before alignment; unchanged if ``None``."""
    if sources is None:
        return people
    return tuple(
        replace(person, source=source) for person, source in zip(people, sources, strict=True)
    )
