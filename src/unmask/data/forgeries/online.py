"""Forged twins of genuine clips, made in memory while a detector trains.

A detector that only ever saw blends of a face with itself has to look for the blending, and not
for what one generator leaves (Shiohara & Yamasaki, CVPR 2022). A twin is a row of its own beside
its genuine clip; what of it is forged changes from epoch to epoch, and its label with it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from unmask.data.forgeries import faces, voices
from unmask.errors import DataError
from unmask.preprocessing.faces.optical_flow import face_flow
from unmask.records import RATE_HZ, Clip, ModelInput

TWIN = "forged"  # the manipulation of a clip that exists only while training
SUFFIX = "~forged"
VARIANTS = 2  # of each clip's forged voice: one by Griffin and Lim, one converted
SEMITONES = (2.0, 5.0)  # of a converted voice, up or down
KEPT = 1024  # forged voices, each of a few seconds
BOTH = 1 / 3  # chance that face and voice are forged; else one of them
DESYNC = 1 / 5  # chance that neither is, and the sound comes from another moment
SHIFT_S = (0.2, 1.0)  # earlier or later
SEAM_S = 0.01  # faded, where the sound's end meets its begin


@dataclass(frozen=True, slots=True)
class ForgeryParams:
    """What is done to a sample.

    Attributes:
        face: Seed of the forged face; ``None`` leaves it genuine.
        voice: Which variant of the forged voice; ``None`` leaves it genuine.
        shift_s: By how much the genuine sound comes too late, or too early; ``None`` leaves
            it in its place.
    """

    face: int | None = None
    voice: int | None = None
    shift_s: float | None = None
    is_twin: bool = False

    @property
    def mismatched(self) -> bool:
        """Whether face and voice are genuine and not of the same moment."""
        return self.shift_s is not None

    def labelled(self, clip: Clip) -> Clip:
        """The clip with the labels of what was forged; a shifted sound is none of that."""
        if not self.is_twin:
            return clip
        face, voice = self.face is not None, self.voice is not None
        return replace(clip, is_fake=face or voice, fake_video=face, fake_audio=voice)


def expand_training_clips(clips: Sequence[Clip], fakes: str) -> tuple[Clip, ...]:
    """The rows that a detector trains on.

    Args:
        fakes: ``labelled``: the clips as they are. ``forged``: the genuine ones, each followed
            by a twin. ``both``: the clips as they are, of which :meth:`Twins.chosen` replaces
            half of the fakes anew in each epoch, and a twin of each genuine clip that has none.

    Raises:
        DataError: Twins are asked for and no clip is genuine.
    """
    if fakes == "labelled":
        return tuple(clips)
    genuine = [clip for clip in clips if not clip.is_fake]
    if not genuine:
        raise DataError(f"none of {len(clips)} training clips is genuine; nothing to forge")
    if fakes == "both":
        paired = {clip.pair_id for clip in clips if clip.is_fake}
        return (*clips, *(make_forged_row(clip) for clip in genuine if clip.pair_id not in paired))
    return tuple(row for clip in genuine for row in (clip, make_forged_row(clip)))


def make_forged_row(clip: Clip, instead_of: Clip | None = None) -> Clip:
    """The row of a clip's twin; :meth:`Forging.labelled` says which modality is forged.

    Args:
        instead_of: The fake whose place it takes; each of a clip's fakes has a twin of its own.
    """
    return replace(
        clip,
        clip_id=(instead_of or clip).clip_id + SUFFIX,
        is_fake=True,
        fake_video=True,
        fake_audio=clip.has_audio,
        manipulation=TWIN,
    )


class OnlineForger:
    """Makes twins; all chance depends on seed, epoch and what the clip is called.

    Args:
        clips: Those that are trained on.
        fakes: As for :func:`training_rows`.
    """

    def __init__(self, clips: Sequence[Clip], fakes: str, seed: int) -> None:
        self.seed = seed
        self.genuine: dict[str, list[Clip]] = {}
        for clip in clips if fakes == "both" else ():
            if not clip.is_fake:
                self.genuine.setdefault(clip.pair_id, []).append(clip)

    def maybe_replace(self, clip: Clip, epoch: int) -> Clip:
        """The clip, or the twin that takes a labelled fake's place in every other epoch or so."""
        genuine = self.genuine.get(clip.pair_id)
        if not clip.is_fake or clip.manipulation == TWIN or genuine is None:
            return clip
        rng = np.random.default_rng((self.seed, epoch, crc32(clip.clip_id.encode()), 2))
        one = genuine[rng.integers(len(genuine))]
        return make_forged_row(one, instead_of=clip) if rng.random() < 0.5 else clip

    def sample_forgery(self, clip: Clip, sample: ModelInput, epoch: int) -> ForgeryParams:
        """What is forged of a clip in this epoch; nothing unless it is a twin."""
        if clip.manipulation != TWIN:
            return ForgeryParams()
        rng = np.random.default_rng((self.seed, epoch, crc32(clip.clip_id.encode()), 1))
        seed, variant = int(rng.integers(2**31)), int(rng.integers(VARIANTS))
        both, face_alone = rng.random() < BOTH, rng.random() < 0.5
        seen = sample.landmarks is not None and len(sample.faces) > 0
        heard = bool(sample.is_speech.any())
        most_s = min(SHIFT_S[1], len(sample.waveform) / RATE_HZ / 2)
        shift_s = rng.choice([-1, 1]) * rng.uniform(SHIFT_S[0], max(most_s, SHIFT_S[0]))
        if rng.random() < DESYNC and seen and heard and most_s > SHIFT_S[0]:
            return ForgeryParams(shift_s=float(shift_s), is_twin=True)
        face = seen and (both or face_alone or not heard)
        voice = heard and (both or not face_alone or not seen)
        return ForgeryParams(seed if face else None, variant if voice else None, is_twin=True)

    def apply_voice(self, clip: Clip, sample: ModelInput, forging: ForgeryParams) -> ModelInput:
        """The whole sample with the clip's forged voice, made once and kept at hand, or shifted."""
        if forging.shift_s is not None:
            return _shifted(sample, round(forging.shift_s * RATE_HZ))
        if forging.voice is None:
            return sample
        made = _forged_voice(_Sound(clip.sha256, forging.voice, sample.waveform))
        return replace(sample, waveform=made)

    def apply_face(
        self, sample: ModelInput, time_s: NDArray[np.float64], forging: ForgeryParams
    ) -> ModelInput:
        """A run of frames with the face blended into itself, in the same way throughout.

        Flow is worked out anew: it would still be that of the genuine face. The first frame's
        stays, since the face before it is not at hand.

        Args:
            time_s: Of each frame, shape ``(frames,)``.
        """
        if forging.face is None or sample.landmarks is None or not len(sample.faces):
            return sample
        rng = np.random.default_rng(forging.face)
        points = sample.landmarks.astype(np.float64)
        width_px = float(np.ptp(points[:, faces.JAW_AND_BROWS, 0], axis=1).mean())
        look = faces.sample_training_blend_params(width_px, rng)
        made = [
            faces.self_blend(face, marks, look, rng)
            for face, marks in zip(sample.faces, points, strict=True)
        ]
        forged = np.stack(made)
        flow = sample.flow
        if flow is not None:
            flow = np.concatenate([flow[:1], face_flow(forged, time_s)[1:]])
        return replace(sample, faces=forged, flow=flow)


def _shifted(sample: ModelInput, samples: int) -> ModelInput:
    """Sound later by so many samples; what falls off the end is heard at the begin."""
    waveform, half = np.roll(sample.waveform, samples), round(SEAM_S * RATE_HZ)
    seam = np.arange(samples - half, samples + half)
    waveform[seam % len(waveform)] *= np.abs(np.linspace(-1, 1, 2 * half, dtype=np.float32))
    return replace(sample, waveform=waveform, is_speech=np.roll(sample.is_speech, samples))


@dataclass(frozen=True, slots=True)
class _Sound:
    """A clip's sound, told from others by its name and not by its samples."""

    name: str
    variant: int
    samples: NDArray[np.float32] = field(compare=False)


@lru_cache(maxsize=KEPT)
def _forged_voice(sound: _Sound) -> NDArray[np.float32]:
    """The same for every epoch, and for every detector that this process trains."""
    rng = np.random.default_rng((crc32(sound.name.encode()), sound.variant))
    if sound.variant == 0:
        return voices.griffin_lim(sound.samples, rng, quick=True)
    return voices.convert_voice(sound.samples, float(rng.choice([-1, 1]) * rng.uniform(*SEMITONES)))
