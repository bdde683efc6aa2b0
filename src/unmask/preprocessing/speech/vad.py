"""When somebody speaks."""

import numpy as np
from numpy.typing import NDArray

from unmask.config import SpeechSettings
from unmask.optional_deps import require
from unmask.preprocessing.speech.silero_vad import CHUNK, speech_probabilities
from unmask.records import RATE_HZ, Waveform

# As in Silero's own `get_speech_timestamps`, whose defaults these are
RELEASE = 0.15  # speech ends this far below the threshold where it began
MIN_SPEECH = round(0.250 * RATE_HZ)
MIN_SILENCE = round(0.100 * RATE_HZ)
PAD = round(0.030 * RATE_HZ)

QUIET_DB = -60.0  # below this, relative to full scale, nobody can be heard
DEEP_DB = 40.0  # what lies this far below the voice is silence, however deep the silence is
EVEN_DB = 12.0  # a sound that varies less than this is a noise, not a voice with pauses


def detect_speech(waveform: Waveform, settings: SpeechSettings) -> NDArray[np.float64]:
    """Start and end of each spoken stretch in seconds, ascending, shape ``(stretches, 2)``.

    Raises:
        MissingExtraError: The method's package is not installed.
    """
    if settings.method == "silero":
        probabilities = speech_probabilities(waveform.samples)
    else:
        probabilities = energy_probabilities(waveform.samples)
    return (
        probabilities_to_spans(probabilities, len(waveform.samples), settings.threshold) / RATE_HZ
    )


def energy_probabilities(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """How far each started 32 ms stands out of the noise, in ``[0, 1]``, by energy alone.

    1 is the level of the clip's loudest tenth, 0 that of its quietest or ``DEEP_DB`` below.
    """
    if not len(samples):
        return np.zeros(0, np.float32)
    librosa = require("librosa", extra="media")
    padded = np.pad(samples, (0, -len(samples) % CHUNK))
    power = librosa.feature.rms(y=padded, frame_length=CHUNK, hop_length=CHUNK, center=False)[0]
    level_db = librosa.amplitude_to_db(power, ref=1.0, amin=1e-5, top_db=None)
    floor, peak = np.percentile(level_db, [10, 90])
    reach = max(min(peak - floor, DEEP_DB), 1e-3)
    certainty = min((peak - floor) / EVEN_DB, 1.0)
    probabilities = certainty * np.clip(1 - (peak - level_db) / reach, 0, 1)
    return np.where(level_db > QUIET_DB, probabilities, 0).astype(np.float32)


def probabilities_to_spans(
    probabilities: NDArray[np.float32], samples: int, threshold: float
) -> NDArray[np.int64]:
    """Join probabilities of 32 ms each to stretches in samples, shape ``(stretches, 2)``.

    Speech begins at ``threshold`` and ends where it stays ``RELEASE`` below it for 100 ms;
    what is shorter than 250 ms is dropped, the rest padded by 30 ms.

    Args:
        samples: Length of the sound; no stretch ends later.
    """
    raw = [(a, b) for a, b in _runs(probabilities, threshold, samples) if b - a > MIN_SPEECH]
    edges = np.array(raw, np.int64).reshape(-1, 2)
    if len(edges):
        room = np.minimum((edges[1:, 0] - edges[:-1, 1]) // 2, PAD)  # neighbours share a gap
        edges[0, 0] = max(edges[0, 0] - PAD, 0)
        edges[1:, 0] -= room
        edges[:-1, 1] += room
        edges[-1, 1] = min(edges[-1, 1] + PAD, samples)
    return edges


def _runs(
    probabilities: NDArray[np.float32], threshold: float, samples: int
) -> list[tuple[int, int]]:
    found: list[tuple[int, int]] = []
    begin = quiet = -1  # sample where speech began, and where it may have ended
    for now, probability in zip(range(0, samples, CHUNK), probabilities, strict=True):
        if probability >= threshold:
            begin, quiet = (now if begin < 0 else begin), -1
        elif begin >= 0 and probability < max(threshold - RELEASE, 0.01):
            quiet = now if quiet < 0 else quiet
            if now - quiet >= MIN_SILENCE:
                found.append((begin, quiet))
                begin = quiet = -1
    return [*found, (begin, samples)] if begin >= 0 else found
