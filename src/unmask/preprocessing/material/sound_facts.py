"""Facts of the sound: its bandwidth, and how far speech stands above the pauses."""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from unmask.preprocessing.speech.vad import speech_mask
from unmask.records import RATE_HZ, ClipFeatures

BLOCK_SAMPLES = 512  # 32 ms
NARROW_BINS = 9  # that the spectrum is smoothed over, about 280 Hz
CUTOFF_DB = -60.0  # below the strongest band; recorded speech falls by 15 to 45 dB up to 8 kHz
MIN_PAUSE_S = 0.5  # of pauses altogether, for a ratio to be told
MAX_SNR_DB = 60.0  # of a pause that is digital silence
SILENCE = 1e-12  # power of digital silence

Floats = NDArray[np.float64]


@dataclass
class SoundFacts:
    """Facts of the sound of the windows so far, which is the detector's input: 16 kHz mono.

    Attributes:
        spectrum: Sum of the power spectra of all blocks of speech.
        speech, pauses: Number of blocks; those in part speech are neither.
        speech_power, pause_power: Sums over the blocks.
    """

    spectrum: Floats = field(default_factory=lambda: np.zeros(BLOCK_SAMPLES // 2 + 1))
    speech: int = 0
    pauses: int = 0
    speech_power: float = 0.0
    pause_power: float = 0.0

    def add(self, window: ClipFeatures) -> None:
        """Add one window."""
        if window.waveform is None:
            return
        samples = window.waveform.samples
        whole = len(samples) // BLOCK_SAMPLES * BLOCK_SAMPLES
        is_speech = speech_mask(window.speech_spans_s, len(samples))[:whole]
        share = is_speech.reshape(-1, BLOCK_SAMPLES).mean(axis=1)
        blocks = samples[:whole].reshape(-1, BLOCK_SAMPLES).astype(np.float64)
        power = (blocks**2).mean(axis=1)
        speech = blocks[share == 1]
        self.spectrum += (np.abs(np.fft.rfft(speech * _TAPER, axis=1)) ** 2).sum(axis=0)
        self.speech += len(speech)
        self.pauses += int((share == 0).sum())
        self.speech_power += float(power[share == 1].sum())
        self.pause_power += float(power[share == 0].sum())

    @property
    def cutoff_hz(self) -> float | None:
        """Highest frequency with sound in the speech, at most 8 kHz; ``None`` without speech.

        Sound above 8 kHz is not looked at, as the detector does not hear it.
        """
        if not self.speech or not self.spectrum.any():
            return None
        smooth = np.convolve(self.spectrum, np.ones(NARROW_BINS) / NARROW_BINS, "same")
        level_db = 10 * np.log10(smooth / smooth.max() + SILENCE)
        return float(np.flatnonzero(level_db > CUTOFF_DB)[-1] * RATE_HZ / BLOCK_SAMPLES)

    @property
    def snr_db(self) -> float | None:
        """Power of the speech over that of the pauses, in dB; ``None`` without enough of either.

        Whatever is heard in the pauses counts as noise: music and other sounds as well.
        """
        if not self.speech or self.pauses * BLOCK_SAMPLES < MIN_PAUSE_S * RATE_HZ:
            return None
        noise = max(self.pause_power / self.pauses, SILENCE)
        speech = max(self.speech_power / self.speech - noise, SILENCE)
        return float(np.clip(10 * np.log10(speech / noise), -MAX_SNR_DB, MAX_SNR_DB))


_TAPER = np.hanning(BLOCK_SAMPLES)
