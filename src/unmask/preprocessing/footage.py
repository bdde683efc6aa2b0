"""Footage statistics: technical properties of a video that do not depend on who speaks.

Size, frame rate, compression, size and sharpness and colours of the faces, loudness and spectrum of
the speech. They tell one source of footage from another, so a detector can see that a video is
unlike all clips that it was calibrated on.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from unmask.preprocessing.speech.vad import speech_mask
from unmask.records import FACE_BANDS, FACE_PX, RATE_HZ, SOUND_BANDS, ClipFeatures, MediaInfo

FACE_STEP = 5  # one of so many faces is measured; at 5 Hz one per second
COLOUR_STEP = 4  # every fourth pixel of every fourth row
BLOCK_SAMPLES = 512
MIN_SPEECH_SHARE = 0.5  # of a block that is measured
LOWEST_HZ = 100.0
SILENCE = 1e-12  # power of digital silence, so that logarithms stay finite
EPS = 1e-9

Floats = NDArray[np.float64]


@dataclass
class FootageStatistics:
    """Statistics of the windows of one video so far.

    Attributes:
        info: Of the video; ``None`` before the first window.
        frames, frames_still: Sampled frames, and those in which nothing moves.
        faces: Log2 of width, band powers, means and contrasts of each measured face.
        power: Sum of the band powers of all blocks with speech, after their total power.
        blocks: Number of those blocks.
    """

    info: MediaInfo | None = None
    frames: int = 0
    frames_still: int = 0
    faces: list[Floats] = field(default_factory=list)
    power: Floats = field(default_factory=lambda: np.zeros(1 + SOUND_BANDS))
    blocks: int = 0

    def add(self, window: ClipFeatures) -> None:
        """Add one window."""
        self.info = window.info
        self.frames += window.frames_sampled
        self.frames_still += window.frames_still
        for person in window.people:
            boxes = person.track.boxes_px[::FACE_STEP]
            for face, box in zip(person.faces[::FACE_STEP], boxes, strict=True):
                self.faces.append(np.append(np.log2(max(box[2] - box[0], 1.0)), _face_facts(face)))
        if window.waveform is not None:
            samples = window.waveform.samples
            blocks = _speech_blocks(samples, speech_mask(window.speech_spans_s, len(samples)))
            self.power += _band_powers(blocks)
            self.blocks += len(blocks)

    def facts(self) -> Floats:
        """Return the ``FOOTAGE_FACTS``, NaN without faces, speech or video, shape ``(facts,)``.

        They are in octaves, but for the share of frames in which nothing moves.
        """
        picture = np.full(5, np.nan)
        if self.info is not None and self.info.has_video:
            bits = np.nan if self.info.bits_per_pixel is None else self.info.bits_per_pixel
            size = np.maximum((self.info.width, self.info.height, self.info.fps), 1)
            share = still_share(self.frames_still, self.frames)
            picture = np.append(np.log2([*size, bits]), share)
        face = np.full(7 + FACE_BANDS, np.nan) if not self.faces else np.mean(self.faces, axis=0)
        sound = np.full(1 + SOUND_BANDS, np.nan)
        if self.blocks:
            sound = np.log2(self.power / self.blocks + SILENCE)
            sound[0] /= 2  # of the amplitude
        return np.concatenate([picture, face, sound])


def still_share(frames_still: int, frames: int) -> float:
    """Return the share of sampled frames in which nothing moves; 1 for a single frame.

    Args:
        frames_still: See :class:`unmask.records.ClipFeatures`.
        frames: All sampled frames; the first has none before it that it could equal.
    """
    return frames_still / (frames - 1) if frames > 1 else 1.0


def describe_footage(features: ClipFeatures) -> Floats:
    """Return the facts of a whole clip; see :meth:`FootageStatistics.facts`."""
    statistics = FootageStatistics()
    statistics.add(features)
    return statistics.facts()


def _face_facts(face: NDArray[np.uint8]) -> Floats:
    """Return log2 of the radial power spectrum, and of mean and contrast of each colour."""
    red, green, blue = np.moveaxis(face.astype(np.float64), 2, 0)
    grey = (red + green + blue) / 3
    spectrum = np.abs(np.fft.rfft2((grey - grey.mean()) * _TAPER)) ** 2
    total = np.bincount(_FACE_BAND.ravel(), spectrum.ravel(), FACE_BANDS + 2)[1:-1]
    colours = face[::COLOUR_STEP, ::COLOUR_STEP].reshape(-1, 3).astype(np.float64)
    values = [total / _FACE_BAND_SIZE, colours.mean(axis=0), colours.std(axis=0)]
    return np.log2(np.concatenate(values) + 1)


def _speech_blocks(samples: NDArray[np.float32], is_speech: NDArray[np.bool_]) -> Floats:
    """Return the blocks that are mostly speech, shape ``(blocks, BLOCK_SAMPLES)``."""
    whole = len(samples) // BLOCK_SAMPLES * BLOCK_SAMPLES
    blocks = samples[:whole].reshape(-1, BLOCK_SAMPLES).astype(np.float64)
    share = is_speech[:whole].reshape(-1, BLOCK_SAMPLES).mean(axis=1)
    return blocks[share > MIN_SPEECH_SHARE]


def _band_powers(blocks: Floats) -> Floats:
    """Return total power and power in each band, summed over blocks."""
    spectrum = np.abs(np.fft.rfft(blocks * np.hanning(BLOCK_SAMPLES), axis=1)) ** 2
    bands = np.bincount(_SOUND_BAND, spectrum.sum(axis=0), SOUND_BANDS + 2)[1:-1]
    return np.append((blocks**2).mean(axis=1).sum(), bands / np.maximum(_SOUND_BAND_SIZE, 1))


def _bands(frequencies: Floats, lowest: float, highest: float, count: int) -> NDArray[np.intp]:
    """Return the band of each frequency, from 1; 0 and ``count + 1`` lie outside."""
    edges = np.geomspace(lowest, highest, count + 1)
    edges[-1] *= 1 + EPS  # the highest frequency belongs to the last band
    return np.digitize(frequencies, edges)


_TAPER = np.outer(np.hanning(FACE_PX), np.hanning(FACE_PX))
_FACE_BAND = _bands(
    np.hypot(np.fft.fftfreq(FACE_PX)[:, None], np.fft.rfftfreq(FACE_PX)[None]),
    2 / FACE_PX,
    0.5,
    FACE_BANDS,
)
_FACE_BAND_SIZE = np.bincount(_FACE_BAND.ravel(), minlength=FACE_BANDS + 2)[1:-1]
_SOUND_BAND = _bands(
    np.fft.rfftfreq(BLOCK_SAMPLES, 1 / RATE_HZ), LOWEST_HZ, RATE_HZ / 2, SOUND_BANDS
)
_SOUND_BAND_SIZE = np.bincount(_SOUND_BAND, minlength=SOUND_BANDS + 2)[1:-1]
