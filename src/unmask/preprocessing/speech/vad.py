"""Voice activity detection."""

import numpy as np
from numpy.typing import NDArray

from unmask.config import SpeechSettings
from unmask.preprocessing.speech.silero_vad import CHUNK, speech_probabilities
from unmask.records import RATE_HZ, Waveform

# The defaults of Silero's `get_speech_timestamps`
HYSTERESIS = 0.15  # speech ends this far below the threshold at which it starts
MIN_SPEECH = round(0.250 * RATE_HZ)
MIN_SILENCE = round(0.100 * RATE_HZ)
PADDING = round(0.030 * RATE_HZ)

# For detection by energy
MIN_POWER = 1e-10
MIN_LEVEL_DB = -60.0  # quieter chunks, relative to full scale, are inaudible
MAX_RANGE_DB = 40.0  # chunks this far below the voice are silence, however quiet they are
MIN_VARIATION_DB = 12.0  # audio that varies less is noise, not a voice with pauses


def detect_speech(waveform: Waveform, settings: SpeechSettings) -> NDArray[np.float64]:
    """Return start and end of each speech span in seconds, ascending, shape ``(spans, 2)``.

    Raises:
        MissingExtraError: The package of the method is not installed.
    """
    samples = waveform.samples
    if settings.method == "silero":
        probabilities = speech_probabilities(samples)
    else:
        probabilities = energy_probabilities(samples)
    return probabilities_to_spans(probabilities, len(samples), settings.threshold) / RATE_HZ


def speech_mask(spans_s: NDArray[np.float64], samples: int) -> NDArray[np.bool_]:
    """Return a mask that is True inside the speech spans, shape ``(samples,)``.

    Args:
        spans_s: Start and end of each span in seconds, shape ``(spans, 2)``.
    """
    mask = np.zeros(samples, np.bool_)
    for start, end in np.rint(spans_s * RATE_HZ).astype(int):
        mask[start:end] = True
    return mask


def chunk_levels_db(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the level of each 32 ms chunk, the last padded by zeros, relative to full scale.

    -100 dB is the least. By NumPy alone: the import of librosa takes seconds.
    """
    chunks = np.pad(samples, (0, -len(samples) % CHUNK)).reshape(-1, CHUNK)
    return 10 * np.log10(np.maximum(np.square(chunks).mean(axis=1), MIN_POWER))


def energy_probabilities(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return a pseudo-probability of speech for each 32 ms chunk, from its energy alone.

    1 is the level of the loudest tenth of the clip; 0 is the level of its quietest tenth, or
    ``MAX_RANGE_DB`` below the loudest.
    """
    if not len(samples):
        return np.zeros(0, np.float32)
    level_db = chunk_levels_db(samples)
    floor_db, peak_db = np.percentile(level_db, [10, 90])
    range_db = max(min(peak_db - floor_db, MAX_RANGE_DB), 1e-3)
    certainty = min((peak_db - floor_db) / MIN_VARIATION_DB, 1.0)
    probabilities = certainty * np.clip(1 - (peak_db - level_db) / range_db, 0, 1)
    return np.where(level_db > MIN_LEVEL_DB, probabilities, 0).astype(np.float32)


def probabilities_to_spans(
    probabilities: NDArray[np.float32], samples: int, threshold: float
) -> NDArray[np.int64]:
    """Convert probabilities of 32 ms chunks to speech spans in samples, shape ``(spans, 2)``.

    A span starts at ``threshold`` and ends when the probability stays ``HYSTERESIS`` below it
    for 100 ms. Spans shorter than 250 ms are dropped; the others are padded by 30 ms.

    Args:
        samples: Length of the audio; no span ends later.
    """
    spans = [(a, b) for a, b in _raw_spans(probabilities, threshold, samples) if b - a > MIN_SPEECH]
    edges = np.array(spans, np.int64).reshape(-1, 2)
    if len(edges):
        padding = np.minimum((edges[1:, 0] - edges[:-1, 1]) // 2, PADDING)  # neighbours share a gap
        edges[0, 0] = max(edges[0, 0] - PADDING, 0)
        edges[1:, 0] -= padding
        edges[:-1, 1] += padding
        edges[-1, 1] = min(edges[-1, 1] + PADDING, samples)
    return edges


def _raw_spans(
    probabilities: NDArray[np.float32], threshold: float, samples: int
) -> list[tuple[int, int]]:
    spans: list[tuple[int, int]] = []
    start = silence = -1  # sample at which speech started, and at which it may have ended
    for position, probability in zip(range(0, samples, CHUNK), probabilities, strict=True):
        if probability >= threshold:
            start, silence = (position if start < 0 else start), -1
        elif start >= 0 and probability < max(threshold - HYSTERESIS, 0.01):
            silence = position if silence < 0 else silence
            if position - silence >= MIN_SILENCE:
                spans.append((start, silence))
                start = silence = -1
    return [*spans, (start, samples)] if start >= 0 else spans
