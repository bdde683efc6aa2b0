"""Footage in memory, and the forgeries by name."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from unmask.data.forgeries import faces, mouth, voices
from unmask.errors import DataError

FACE_METHODS = ("face-swap", "self-blend", "lip-desync")
VOICE_METHODS = ("voice-griffinlim", "voice-convert", "voice-swap")
MARGIN = 0.35  # around the landmarks, as a share of their extent; every mask ends within

Frame = NDArray[np.uint8]
Points = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Footage:
    """A clip of one talking person.

    Attributes:
        frames: RGB, all of one shape.
        landmarks: 68 points per frame, NaN where no face was found, shape ``(frames, 68, 2)``.
        samples: 16 kHz mono, shape ``(time,)``, or ``None``.
    """

    frames: Sequence[Frame]
    landmarks: NDArray[np.float64]
    samples: NDArray[np.float32] | None

    def __post_init__(self) -> None:
        """Refuse rows that do not belong together."""
        if self.landmarks.shape != (len(self.frames), 68, 2):
            raise DataError(f"{len(self.frames)} frames, landmarks {self.landmarks.shape}")

    @property
    def has_face(self) -> NDArray[np.bool_]:
        """Frames with a face, shape ``(frames,)``."""
        return np.asarray(np.isfinite(self.landmarks).all(axis=(1, 2)))


def forge_face(
    footage: Footage, method: str, donor: Footage, rng: np.random.Generator
) -> list[Frame]:
    """The frames with their face forged; a frame without a face stays as it is.

    Args:
        method: One of ``FACE_METHODS``.
        donor: Gives the face (``face-swap``) or the mouth's movement (``lip-desync``).

    Raises:
        DataError: There is no such method, or no face to forge or to take.
    """
    where, theirs = footage.has_face, donor.has_face
    if not where.any() or not (theirs.any() or method == "self-blend"):
        raise DataError(f"{method}: no face in {len(where)} frames or in the donor's {len(theirs)}")
    if method == "face-swap":
        points = donor.landmarks[theirs]
        pictures = [donor.frames[i] for i in np.flatnonzero(theirs)]

        def change(face: Frame, marks: Points, index: int) -> Frame:
            best = faces.closest_donor(footage.landmarks[index], points)
            return faces.swap_face(face, marks, pictures[best], points[best])
    elif method == "self-blend":
        width_px = float(np.ptp(footage.landmarks[where][:, :17, 0], axis=1).mean())
        look = faces.sample_blend_params(width_px, rng)

        def change(face: Frame, marks: Points, index: int) -> Frame:
            return faces.self_blend(face, marks, look, rng)
    elif method == "lip-desync":
        gaps = np.resize(mouth.mouth_opening(donor.landmarks[theirs]), len(where))

        def change(face: Frame, marks: Points, index: int) -> Frame:
            return mouth.redrive_mouth(face, marks, float(gaps[index]))
    else:
        raise DataError(f"no face forgery {method!r}; use one of {', '.join(FACE_METHODS)}")
    return [
        _at_face(frame, marks, partial(change, index=index)) if seen else frame
        for index, (frame, marks, seen) in enumerate(
            zip(footage.frames, footage.landmarks, where, strict=True)
        )
    ]


def _at_face(frame: Frame, marks: Points, change: Callable[[Frame, Points], Frame]) -> Frame:
    """The frame with ``change`` done around the face only."""
    low, high = marks.min(axis=0), marks.max(axis=0)
    margin = MARGIN * (high - low).max()
    x0, y0 = np.maximum(low - margin, 0).astype(int)
    x1, y1 = np.minimum(high + margin + 1, frame.shape[1::-1]).astype(int)
    out = frame.copy()
    out[y0:y1, x0:x1] = change(frame[y0:y1, x0:x1], marks - (x0, y0))
    return out


def forge_voice(
    footage: Footage, method: str, donor: Footage, rng: np.random.Generator
) -> NDArray[np.float32]:
    """The sound with its voice forged, as long and as loud as before.

    Args:
        method: One of ``VOICE_METHODS``; ``voice-swap`` takes the donor's speech as it is.

    Raises:
        DataError: There is no such method, or no sound to forge or to take.
    """
    samples = footage.samples
    if samples is None:
        raise DataError(f"{method}: the footage has no sound; forge its face instead")
    if method == "voice-griffinlim":
        return voices.griffin_lim(samples, rng)
    if method == "voice-convert":
        return voices.convert_voice(samples, float(rng.choice([-1, 1]) * rng.uniform(2, 5)))
    if method == "voice-swap" and donor.samples is not None:
        return voices.swap_voice(samples, donor.samples)
    if method == "voice-swap":
        raise DataError("voice-swap: the donor has no sound; choose another donor")
    raise DataError(f"no voice forgery {method!r}; use one of {', '.join(VOICE_METHODS)}")
