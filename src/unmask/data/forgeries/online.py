"""Online pseudo-fakes: forges genuine clips in memory while a detector trains.

A detector trained only on blends of a face with itself has to detect the blending and not the
artefacts of one generator (Shiohara & Yamasaki, CVPR 2022). A pseudo-fake is a separate row
next to its genuine clip. Which modalities are forged, and so its labels, change from epoch to
epoch. Faces are forged before alignment, in crops of the file's frames.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from zlib import crc32

import numpy as np

from unmask.config import TrainingSettings
from unmask.data.forgeries.kept_voices import forge_voice
from unmask.data.forgeries.lower_face import (
    MIN_ROWS,
    replace_lower_faces,
    sample_lower_face,
    sample_moment,
)
from unmask.data.forgeries.self_blending import (
    sample_self_blend,
    sample_target_change,
    self_blend_faces,
)
from unmask.data.forgeries.source_target import Appearance, Image, change_appearance
from unmask.errors import DataError
from unmask.preprocessing.cache import Cache
from unmask.preprocessing.faces.source_faces import decode_source_faces
from unmask.records import RATE_HZ, Clip, ModelInput, SourceFaces

PSEUDO_FAKE = "forged"  # the manipulation of a clip that exists only during training
CLIP_ID_SUFFIX = "~forged"
P_BOTH = 1 / 3  # probability that face and voice are forged; otherwise one of them
P_LOWER_FACE = 1 / 4  # probability that of a forged face only mouth and chin are
P_DESYNC = 1 / 5  # probability that neither is forged and the sound is shifted in time
SHIFT_S = (0.2, 1.0)  # range of that shift, earlier or later
FADE_S = 0.01  # on either side of the seam where the end of the shifted sound meets its start


@dataclass(frozen=True, slots=True)
class ForgeryParams:
    """How a sample is forged.

    Attributes:
        face_seed: Seed of the face forgery; ``None`` keeps the face.
        voice_method: How the voice is forged; ``None`` keeps the voice.
        shift_s: Delay of the genuine sound, negative if it is early; ``None`` keeps it in sync.
    """

    face_seed: int | None = None
    voice_method: str | None = None
    shift_s: float | None = None
    is_pseudo_fake: bool = False

    @property
    def mismatched(self) -> bool:
        """Whether face and voice come from different moments."""
        return self.shift_s is not None

    def relabel(self, clip: Clip) -> Clip:
        """Return the clip with the labels of the forged modalities; a shift forges neither."""
        if not self.is_pseudo_fake:
            return clip
        face, voice = self.face_seed is not None, self.voice_method is not None
        return replace(
            clip,
            is_fake=face or voice or self.mismatched,
            fake_video=face,
            fake_audio=voice,
            mismatched=self.mismatched,
        )


def expand_training_clips(clips: Sequence[Clip], training: TrainingSettings) -> tuple[Clip, ...]:
    """Return the rows that a detector is trained on.

    Args:
        training: With the ``fake_source`` ``labelled``: the clips unchanged. ``forged``: the
            genuine clips, each followed by a pseudo-fake. ``both``: the clips unchanged, plus a
            pseudo-fake of each genuine clip whose pair has no fake;
            :meth:`OnlineForger.maybe_replace` replaces half of the labelled fakes, others in each
            epoch. Where no face is forged, clips without sound have no pseudo-fake.

    Raises:
        DataError: Pseudo-fakes are requested, but no clip is genuine.
    """
    if training.fake_source == "labelled":
        return tuple(clips)
    genuine = [clip for clip in clips if not clip.is_fake]
    if not genuine:
        raise DataError(
            f"none of {len(clips)} training clips is genuine; add genuine clips to forge"
        )
    forged = {clip: make_forged_row(clip) for clip in genuine if can_forge(clip, training)}
    if training.fake_source == "both":
        with_fake = {clip.pair_id for clip in clips if clip.is_fake}
        return (*clips, *(row for clip, row in forged.items() if clip.pair_id not in with_fake))
    return tuple(row for clip in genuine for row in (clip, forged.get(clip)) if row is not None)


def can_forge(clip: Clip, training: TrainingSettings) -> bool:
    """Return whether the file has what pseudo-fakes forge; a voice or a shift takes sound."""
    return clip.has_audio or training.forges("face")


def make_forged_row(clip: Clip, replaces: Clip | None = None) -> Clip:
    """Return the row of a pseudo-fake of ``clip``; :meth:`ForgeryParams.relabel` corrects it.

    Args:
        replaces: Labelled fake that the row replaces. Each fake of a clip gets a different
            pseudo-fake.
    """
    return replace(
        clip,
        clip_id=(replaces or clip).clip_id + CLIP_ID_SUFFIX,
        is_fake=True,
        fake_video=True,
        fake_audio=clip.has_audio,
        manipulation=PSEUDO_FAKE,
    )


class OnlineForger:
    """Samples and applies forgeries, which depend only on seed, epoch and ``clip_id``.

    Args:
        clips: The training clips.
        training: Which fakes and which of their parts are forged; ``voice_forgeries`` are drawn
            alike, see :func:`.kept_voices.forge_voice`.
        cache: Keeps vocoded voices on disk.
    """

    def __init__(
        self,
        clips: Sequence[Clip],
        training: TrainingSettings,
        seed: int,
        cache: Cache | None = None,
    ) -> None:
        self.seed = seed
        self.training = training
        self.cache = cache
        self.genuine_by_pair: dict[str, list[Clip]] = {}
        for clip in clips if training.fake_source == "both" else ():
            if not clip.is_fake and can_forge(clip, training):
                self.genuine_by_pair.setdefault(clip.pair_id, []).append(clip)

    def maybe_replace(self, clip: Clip, epoch: int) -> Clip:
        """Return the clip or, for a labelled fake in about half of the epochs, a pseudo-fake."""
        genuine = self.genuine_by_pair.get(clip.pair_id)
        if not clip.is_fake or clip.manipulation == PSEUDO_FAKE or genuine is None:
            return clip
        rng = np.random.default_rng((self.seed, epoch, crc32(clip.clip_id.encode()), 2))
        source = genuine[rng.integers(len(genuine))]
        return make_forged_row(source, replaces=clip) if rng.random() < 0.5 else clip

    def sample_forgery(self, clip: Clip, sample: ModelInput, epoch: int) -> ForgeryParams:
        """Draw how a pseudo-fake is forged in this epoch; other clips stay unchanged."""
        if clip.manipulation != PSEUDO_FAKE:
            return ForgeryParams()
        rng = np.random.default_rng((self.seed, epoch, crc32(clip.clip_id.encode()), 1))
        face_seed = int(rng.integers(2**31))
        methods, forges = self.training.voice_forgeries, self.training.forges
        method = methods[rng.integers(len(methods))]
        both, prefer_face = rng.random() < P_BOTH, rng.random() < 0.5
        has_face = sample.landmarks is not None and len(sample.faces) > 0
        has_speech = bool(sample.is_speech.any())
        max_shift_s = min(SHIFT_S[1], len(sample.waveform) / RATE_HZ / 2)
        shift_s = rng.choice([-1, 1]) * rng.uniform(SHIFT_S[0], max(max_shift_s, SHIFT_S[0]))
        can_shift = forges("sync") and has_face and has_speech and max_shift_s > SHIFT_S[0]
        can_face, can_voice = forges("face") and has_face, forges("voice") and has_speech
        shifts = rng.random() < P_DESYNC or not (can_face or can_voice)
        if shifts and can_shift:
            return ForgeryParams(shift_s=float(shift_s), is_pseudo_fake=True)
        face = can_face and (both or prefer_face or not can_voice)
        voice = can_voice and (both or not prefer_face or not can_face)
        return ForgeryParams(
            face_seed if face else None, method if voice else None, is_pseudo_fake=True
        )

    def apply_voice(self, clip: Clip, sample: ModelInput, params: ForgeryParams) -> ModelInput:
        """Return the whole sample with its sound forged (kept), shifted or unchanged."""
        if params.shift_s is not None:
            return _shift_audio(sample, round(params.shift_s * RATE_HZ))
        if params.voice_method is None:
            return sample
        forged = forge_voice(clip.sha256, params.voice_method, sample.waveform, self.cache)
        return replace(sample, waveform=forged)

    def sample_target_change(self, clip: Clip, epoch: int) -> Appearance | None:
        """Draw how the frames of a pair, genuine and fake, are changed in this epoch."""
        if self.training.fake_source == "labelled":
            return None
        rng = np.random.default_rng((self.seed, epoch, crc32(clip.pair_id.encode()), 3))
        return sample_target_change(rng)

    def render_faces(
        self, source: SourceFaces, rows: range, params: ForgeryParams, change: Appearance | None
    ) -> list[Image]:
        """Return crops of contiguous frames, forged alike in all of them if so drawn.

        Args:
            rows: Frames of the excerpt.
            change: See :meth:`sample_target_change`. Without one, the blended face is changed.
        """
        originals = decode_source_faces(source, rows)
        targets = originals
        if change is not None:
            targets = [change_appearance(image, change) for image in originals]
        if params.face_seed is None:
            return targets
        rng = np.random.default_rng(params.face_seed)
        landmarks = source.landmarks_px.astype(np.float64)
        only_mouth, change_source = rng.random() < P_LOWER_FACE, change is None
        if only_mouth and len(landmarks) >= MIN_ROWS:
            moment = sample_moment(rows, len(landmarks), rng)
            donors = decode_source_faces(source, moment), landmarks[moment]
            lower_face = sample_lower_face(rng, change_source=change_source)
            return replace_lower_faces(targets, landmarks[rows], donors, lower_face)
        blend = sample_self_blend(rng, change_source=change_source)
        return self_blend_faces(targets, originals, landmarks[rows], blend, rng)


def _shift_audio(sample: ModelInput, samples: int) -> ModelInput:
    """Delay the sound by ``samples``; the part beyond the end moves to the start."""
    waveform, half = np.roll(sample.waveform, samples), round(FADE_S * RATE_HZ)
    seam = np.arange(samples - half, samples + half)
    waveform[seam % len(waveform)] *= np.abs(np.linspace(-1, 1, 2 * half, dtype=np.float32))
    return replace(sample, waveform=waveform, is_speech=np.roll(sample.is_speech, samples))
