"""Long sequences of a data set's own clips, in which a stretch of a fake replaces its twin.

They need no new files: the clips of a person follow each other again and again, frames are encoded
once per clip, and a stretch of frames and sound comes from the fake of a pair. Every joint is a cut
for the temporal encoder, in genuine sequences and in forged ones alike.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unmask.data.torch.evaluation_set import FeatureLoader
from unmask.data.torch.partial_excerpts import splice_sound
from unmask.errors import DataError
from unmask.models.bundle import Bundle
from unmask.models.collate import collate
from unmask.models.encoded_scores import score_encoded
from unmask.models.ensemble.shared_encoders import Ensemble
from unmask.preprocessing.prepare import to_model_inputs
from unmask.records import FOOTAGE_FACTS, RATE_HZ, Clip, FakeSpan, ModelInput
from unmask.training.detector.frozen_features import cached_features_of
from unmask.training.scored_clip import ScoredClip

# length of the sequence and of the forged stretch, in seconds
SEQUENCES_S = ((34.0, 1.6), (10.0, 0.4), (10.0, 0.8), (10.0, 1.6), (60.0, 1.6))

Array = TypeVar("Array", NDArray[np.float32], NDArray[np.bool_])
Features = tuple[Tensor, ...]  # of each member, shape (frames, frame_dim)


@dataclass(frozen=True, slots=True)
class _Part:
    """A clip's sample, cut to whole frames, and its encoded frames."""

    clip: Clip
    sample: ModelInput
    features: Features

    @property
    def frames(self) -> int:
        return len(self.sample.faces)


@dataclass(frozen=True, slots=True)
class _Sequence:
    """Encoded frames, number of the clip of each, sound and speech mask of a sequence."""

    features: Features
    shots: NDArray[np.int64]
    waveform: NDArray[np.float32]
    is_speech: NDArray[np.bool_]


def score_spliced(
    bundle: Bundle, clips: Sequence[Clip], load: FeatureLoader, rng: np.random.Generator
) -> tuple[ScoredClip, ...]:
    """Score genuine sequences of each pair of clips, and those with a stretch of its fake.

    Args:
        clips: Of whole fakes and their genuine twins. Left out are mismatched fakes, and those of
            which it is unknown whether face or voice is forged.
        load: Loads the features of a clip with the bundle's preprocessing.

    Raises:
        DataError: No fake has a genuine twin with faces and sound.
    """
    with cached_features_of(bundle, load):
        parts = [part for clip in clips if (part := _encode(bundle, clip, load)) is not None]
    genuine = {part.clip.pair_id: part for part in parts if not part.clip.is_fake}
    scored = []
    for fake in (part for part in parts if _can_be_spliced(part.clip)):
        twin = genuine.get(fake.clip.pair_id)
        if twin is None:
            continue
        others = [part for part in genuine.values() if part.clip.identity == twin.clip.identity]
        start = next(number for number, part in enumerate(others) if part is twin)
        order = [*others[start:], *others[:start]]
        for lengths_s in SEQUENCES_S:
            scored += _score_pair(bundle, order, fake, lengths_s, rng)
    if not scored:
        raise DataError("no fake has a genuine twin with faces and sound; give clips in pairs")
    return tuple(scored)


def _can_be_spliced(clip: Clip) -> bool:
    return clip.is_fake and not clip.mismatched and bool(clip.fake_video or clip.fake_audio)


def _score_pair(
    bundle: Bundle,
    order: Sequence[_Part],
    fake: _Part,
    lengths_s: tuple[float, float],
    rng: np.random.Generator,
) -> list[ScoredClip]:
    """Score a genuine sequence and its forged one; nothing if the stretch is too long for the pair.

    Args:
        order: Genuine clips of a person, the fake's twin first.
        lengths_s: Of the sequence and of the stretch.
    """
    twin, rate_hz = order[0], bundle.preprocessing.sampling.rate_hz
    frames, count = (max(round(length_s * rate_hz), 1) for length_s in lengths_s)
    shared = min(twin.frames, fake.frames)
    if shared < count + 2:
        return []
    plain = _join(order, frames, rate_hz)
    base = _draw_repeat(order, frames, rng)
    first = base + int(rng.integers(1, shared - count))
    # the true borders lie anywhere between two frames
    span_s = (first - rng.random()) / rate_hz, (first + count - 1 + rng.random()) / rate_hz
    forged = _splice(plain, fake, base, slice(first, first + count), span_s)
    # what is not known to be forged is left as it is in the genuine clip
    video, audio = (bool(label) for label in (fake.clip.fake_video, fake.clip.fake_audio))
    modalities = {"video": video, "audio": audio}
    spans = tuple(FakeSpan(*span_s, kind) for kind, is_fake in modalities.items() if is_fake)
    name = f"{fake.clip.clip_id}-{lengths_s[0]:g}-{lengths_s[1]:g}"
    genuine = replace(twin.clip, clip_id=f"{name}-genuine", pair_id=name)
    labelled = replace(fake.clip, fake_video=video, fake_audio=audio, fake_periods=spans)
    clip = replace(labelled, clip_id=name, pair_id=name)
    rows = ((genuine, plain), (clip, forged))
    return [_score(bundle, row, sequence, lengths_s[0]) for row, sequence in rows]


def _encode(bundle: Bundle, clip: Clip, load: FeatureLoader) -> _Part | None:
    """Encode the largest person's frames, as many as there is sound for; ``None`` without any."""
    rate_hz = bundle.preprocessing.sampling.rate_hz
    samples_of_people = to_model_inputs(load(clip))
    if not samples_of_people or not len(samples_of_people[0].faces):
        return None
    sample = samples_of_people[0]
    frames = len(sample.faces)
    if len(sample.waveform):  # a silent clip has frames alone
        frames = min(frames, int(len(sample.waveform) * rate_hz / RATE_HZ))
    samples = round(frames * RATE_HZ / rate_hz)
    sample = ModelInput(
        sample.faces[:frames],
        None if sample.flow is None else sample.flow[:frames],
        sample.waveform[:samples],
        sample.is_speech[:samples],
        times_s=np.arange(frames) / rate_hz,
    )
    device = next(bundle.first_member.parameters()).device
    with torch.inference_mode():
        batch = collate([sample], bundle.settings).to(device)
        ensemble = Ensemble([member.eval() for member in bundle.members])
        features = tuple(rows[0] for rows in ensemble.encode_frames(batch))
    return _Part(clip, sample, features)


def _repeats(order: Sequence[_Part], frames: int) -> Iterator[tuple[int, _Part]]:
    """Yield the clips of a sequence, again and again, each with its first frame."""
    start = number = 0
    while start < frames:
        part = order[number % len(order)]
        yield start, part
        start, number = start + max(part.frames, 1), number + 1


def _join(order: Sequence[_Part], frames: int, rate_hz: float) -> _Sequence:
    parts = [part for _, part in _repeats(order, frames)]
    samples = round(frames * RATE_HZ / rate_hz)
    members = zip(*(part.features for part in parts), strict=True)
    return _Sequence(
        tuple(torch.cat(rows)[:frames] for rows in members),
        np.repeat(np.arange(len(parts)), [part.frames for part in parts])[:frames],
        np.concatenate([part.sample.waveform for part in parts])[:samples],
        np.concatenate([part.sample.is_speech for part in parts])[:samples],
    )


def _draw_repeat(order: Sequence[_Part], frames: int, rng: np.random.Generator) -> int:
    """Draw a repeat of the first clip that is whole, and return its first frame."""
    twin = order[0]
    starts = [
        start
        for start, part in _repeats(order, frames)
        if part is twin and start + twin.frames <= frames
    ]
    return int(rng.choice(starts or [0]))


def _splice(
    plain: _Sequence, fake: _Part, base: int, rows: slice, span_s: tuple[float, float]
) -> _Sequence:
    """Return the sequence with the fake's frames and sound in a stretch.

    Args:
        base: First frame of the twin in the sequence.
        rows: Frames of the stretch in the sequence.
    """
    features, waveform, is_speech = plain.features, plain.waveform, plain.is_speech
    if fake.clip.fake_video:
        own = slice(rows.start - base, rows.stop - base)
        features = tuple(
            torch.cat([member[: rows.start], forged[own], member[rows.stop :]])
            for member, forged in zip(features, fake.features, strict=True)
        )
    if fake.clip.fake_audio:
        start = round(base * len(fake.sample.waveform) / max(fake.frames, 1))
        sound = _placed(fake.sample.waveform, start, len(waveform))
        speech = _placed(fake.sample.is_speech, start, len(waveform))
        times_s = np.arange(len(waveform)) / RATE_HZ
        inside = (times_s >= span_s[0]) & (times_s < span_s[1])
        waveform = splice_sound(sound, waveform, span_s)
        is_speech = np.where(inside, speech, is_speech)
    return _Sequence(features, plain.shots, waveform, is_speech)


def _placed(values: Array, start: int, length: int) -> Array:
    """Return ``length`` values, zero but for the given ones from ``start``."""
    around = start, max(length - start - len(values), 0)
    return np.asarray(np.pad(values, around)[:length], values.dtype)


def _score(bundle: Bundle, clip: Clip, sequence: _Sequence, length_s: float) -> ScoredClip:
    frames = len(sequence.features[0])
    times_s = np.arange(frames) / bundle.preprocessing.sampling.rate_hz
    empty = ModelInput(
        np.zeros((frames, 1, 1, 3), np.uint8),
        None,
        sequence.waveform,
        sequence.is_speech,
        times_s=times_s,
        shots=sequence.shots,
    )
    device = next(bundle.first_member.parameters()).device
    batch = collate([empty], bundle.settings, with_pixels=False).to(device)
    score = score_encoded(bundle, batch, [rows[None] for rows in sequence.features])
    return ScoredClip(clip, (score,), np.full(len(FOOTAGE_FACTS), np.nan), (times_s,), length_s)
