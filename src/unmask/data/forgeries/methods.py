"""Forgery methods by name, applied to footage in memory."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from unmask.data.forgeries import faces, mouth, voices
from unmask.errors import DataError

FACE_METHODS = ("face-swap", "self-blend", "lip-desync")
VOICE_SWAP = "voice-swap"
VOICE_METHODS = ("voice-griffinlim", "voice-convert", VOICE_SWAP)
MARGIN = 0.35  # around the landmarks, as a share of their extent; contains every mask
# methods that need another person's footage
DONOR_METHODS = ("face-swap", "lip-desync", VOICE_SWAP)

Frame = NDArray[np.uint8]
Points = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Footage:
    """Decoded frames, landmarks and sound of one talking person.

    Attributes:
        frames: RGB, all of the same shape.
        landmarks: 68 points per frame in pixels, NaN if no face was detected, shape
            ``(frames, 68, 2)``.
        samples: 16 kHz mono, shape ``(time,)``, or ``None``.
    """

    frames: Sequence[Frame]
    landmarks: NDArray[np.float64]
    samples: NDArray[np.float32] | None

    def __post_init__(self) -> None:
        """Check that there are 68 landmarks per frame."""
        expected = (len(self.frames), 68, 2)
        if self.landmarks.shape != expected:
            raise DataError(
                f"footage: landmarks have shape {self.landmarks.shape}; expected {expected}"
            )

    @property
    def has_face(self) -> NDArray[np.bool_]:
        """Whether each frame has landmarks, shape ``(frames,)``."""
        return np.asarray(np.isfinite(self.landmarks).all(axis=(1, 2)))


def forge_face(
    footage: Footage, method: str, donor: Footage, rng: np.random.Generator
) -> list[Frame]:
    """Return the frames with a forged face; frames without landmarks stay unchanged.

    Args:
        method: One of ``FACE_METHODS``.
        donor: Footage of the face (``face-swap``) or of the mouth's movement (``lip-desync``).

    Raises:
        DataError: The method is unknown, or the footage or the donor has no face.
    """
    has_face, donor_has_face = footage.has_face, donor.has_face
    if not has_face.any() or not (donor_has_face.any() or method == "self-blend"):
        raise DataError(
            f"{method}: no face in the {len(has_face)} frames or in the donor's "
            f"{len(donor_has_face)}; choose other footage"
        )
    if method == "face-swap":
        donor_landmarks = donor.landmarks[donor_has_face]
        donor_frames = [donor.frames[index] for index in np.flatnonzero(donor_has_face)]

        def forge(crop: Frame, points: Points, index: int) -> Frame:
            best = faces.closest_donor(footage.landmarks[index], donor_landmarks)
            return faces.swap_face(crop, points, donor_frames[best], donor_landmarks[best])
    elif method == "self-blend":
        width_px = float(np.ptp(footage.landmarks[has_face][:, :17, 0], axis=1).mean())
        params = faces.sample_blend_params(width_px, rng)

        def forge(crop: Frame, points: Points, index: int) -> Frame:
            return faces.self_blend(crop, points, params, rng)
    elif method == "lip-desync":
        openings = np.resize(mouth.mouth_opening(donor.landmarks[donor_has_face]), len(has_face))

        def forge(crop: Frame, points: Points, index: int) -> Frame:
            return mouth.redrive_mouth(crop, points, float(openings[index]))
    else:
        raise DataError(f"unknown face forgery {method!r}; use one of {', '.join(FACE_METHODS)}")
    return [
        _apply_to_face(frame, points, partial(forge, index=index)) if visible else frame
        for index, (frame, points, visible) in enumerate(
            zip(footage.frames, footage.landmarks, has_face, strict=True)
        )
    ]


def _apply_to_face(frame: Frame, points: Points, forge: Callable[[Frame, Points], Frame]) -> Frame:
    """Apply ``forge`` to the crop around the face and paste the result into the frame."""
    low, high = points.min(axis=0), points.max(axis=0)
    margin = MARGIN * (high - low).max()
    x0, y0 = np.maximum(low - margin, 0).astype(int)
    x1, y1 = np.minimum(high + margin + 1, frame.shape[1::-1]).astype(int)
    forged = frame.copy()
    forged[y0:y1, x0:x1] = forge(frame[y0:y1, x0:x1], points - (x0, y0))
    return forged


def forge_voice(
    footage: Footage, method: str, donor: Footage, rng: np.random.Generator
) -> NDArray[np.float32]:
    """Return the sound with a forged voice, as long and as loud as the original.

    Args:
        method: One of ``VOICE_METHODS``.
        donor: Footage whose speech ``voice-swap`` uses.

    Raises:
        DataError: The method is unknown, or the footage or the donor has no sound.
    """
    samples = footage.samples
    if samples is None:
        raise DataError(f"{method}: the footage has no sound; forge its face instead")
    if method == "voice-griffinlim":
        return voices.griffin_lim(samples, rng)
    if method == "voice-convert":
        return voices.convert_voice(samples, float(rng.choice([-1, 1]) * rng.uniform(2, 5)))
    if method == VOICE_SWAP and donor.samples is not None:
        return voices.swap_voice(samples, donor.samples)
    if method == VOICE_SWAP:
        raise DataError("voice-swap: the donor has no sound; choose another donor")
    raise DataError(f"unknown voice forgery {method!r}; use one of {', '.join(VOICE_METHODS)}")
