"""Partly forged clips of the demo set's people: new recordings in which a second is forged.

As in LAV-DF (Cai et al., DICTA 2022), a forged stretch of face, voice or both lies somewhere in a
longer genuine recording. Each has its genuine twin. People keep their splits.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from unmask.data.demo.animation import FPS
from unmask.data.demo.dataset import (
    MARKER_NAME,
    describe_clip,
    make_identity,
    plan_pairs,
    reserve_output,
)
from unmask.data.demo.recording import SPEECH_THRESHOLD, add_sensor_noise, record
from unmask.data.forgeries.methods import FACE_METHODS, Footage, forge_face, forge_voice
from unmask.data.manifest import write_manifest
from unmask.errors import DataError
from unmask.preprocessing.media.encode import encode_clip
from unmask.preprocessing.parallel import run_parallel
from unmask.preprocessing.speech.silero_vad import CHUNK, speech_probabilities
from unmask.records import RATE_HZ, Clip, FakeSpan

# of each person's recordings: the first of one length, the second in turn one of several
LENGTHS_S = ((34.0,), (10.0, 14.0, 20.0, 60.0))
FORGED_S = ((1.6,), (0.3, 0.5, 0.8, 1.2, 2.0))
VOICE_METHODS = ("voice-griffinlim", "voice-convert")
CONTEXT_S = 0.5  # a voice is forged with the sound around the stretch, which is then cut off
FADE_S = 0.01
BORDER_S = 1.0  # of a recording, at both ends, is genuine

Samples = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class PartialPlan:
    """Plan of a genuine recording and its partly forged twin.

    Attributes:
        number: Number of the person's recording.
        person, donor: Numbers of two people of the split.
        length_s, forged_s: Length of the recording, and of the forged stretch.
        face_method, voice_method: At least one is set.
    """

    number: int
    person: int
    donor: int
    split: str
    length_s: float
    forged_s: float
    face_method: str | None
    voice_method: str | None

    @property
    def name(self) -> str:
        """Name of the recording."""
        return f"person-{self.person:02d}-{self.number}"


def generate_partial_set(
    demo: Path, out: Path, splits: tuple[str, ...] = ("val", "test"), jobs: int = 2
) -> tuple[Clip, ...]:
    """Generate partly forged clips of a demo set's people, and their genuine twins.

    The same arguments give the same frames and sound; existing clips are kept.

    Args:
        demo: Folder of the demo set.
        splits: Splits whose people are recorded.
        jobs: Parallel processes.

    Raises:
        DataError: ``demo`` is no demo set, or ``out`` contains other files.
    """
    marker = demo / MARKER_NAME
    if not marker.is_file():
        raise DataError(f"{demo}: has no {MARKER_NAME}; give the folder of `unmask data demo`")
    arguments: dict[str, int] = json.loads(marker.read_text())
    reserve_output(out, arguments | {"partial": 1})
    planned = plan_recordings(arguments["clips"], arguments["seed"])
    plans = [plan for plan in planned if plan.split in splits]
    calls = [(out, plan, arguments["seed"]) for plan in plans]
    rows = [
        row for pair in run_parallel(render_recording, calls, jobs, "rendering") for row in pair
    ]
    write_manifest(rows, out / "manifest.csv")
    return tuple(rows)


def plan_recordings(clips: int, seed: int) -> tuple[PartialPlan, ...]:
    """Plan recordings of the people of a demo set, see :func:`.dataset.generate_demo_set`.

    Further people of the validation split are left out.
    """
    split_of = {plan.person: plan.split for plan in plan_pairs(clips // 2, seed)}
    plans, counts = [], dict.fromkeys(split_of.values(), 0)
    for person, split in sorted(split_of.items()):
        others = [other for other, name in split_of.items() if name == split and other != person]
        rng = np.random.default_rng([seed, 3, person])
        for number, (lengths_s, forged_s) in enumerate(zip(LENGTHS_S, FORGED_S, strict=True)):
            place = counts[split]
            kind, method = (place + number) % 3, (place + number) // 3
            plans.append(
                PartialPlan(
                    number=number,
                    person=person,
                    donor=int(rng.choice(others)),
                    split=split,
                    length_s=lengths_s[place % len(lengths_s)],
                    forged_s=forged_s[place % len(forged_s)],
                    face_method=None if kind == 1 else FACE_METHODS[method % len(FACE_METHODS)],
                    voice_method=None if kind == 0 else VOICE_METHODS[method % len(VOICE_METHODS)],
                )
            )
        counts[split] += 1
    return tuple(plans)


def render_recording(out: Path, plan: PartialPlan, seed: int) -> tuple[Clip, Clip]:
    """Render a genuine recording, forge a stretch of it, write both files; return their clips."""
    cv2.setNumThreads(1)  # several recordings are rendered in parallel
    rng = np.random.default_rng([seed, 4, plan.person, plan.number])
    footage = record(make_identity(plan.person, seed), plan.length_s, rng)
    frames = choose_stretch(footage, plan, rng)
    paths = [out / "clips" / f"{plan.name}-{kind}.mp4" for kind in ("genuine", "forged")]
    if not all(path.is_file() for path in paths):
        donor = record(make_identity(plan.donor, seed), plan.forged_s + 2 * CONTEXT_S, rng)
        forged = forge_stretch(footage, frames, donor, plan, rng)
        for path, version in zip(paths, (footage, forged), strict=True):
            encode_clip(path, add_sensor_noise(version.frames, rng), version.samples)
    span_s = frames.start / FPS, frames.stop / FPS
    return _to_clip(paths[0], plan, None), _to_clip(paths[1], plan, span_s)


def choose_stretch(footage: Footage, plan: PartialPlan, rng: np.random.Generator) -> slice:
    """Draw the frames to forge, away from both ends; for a voice, those with the most speech."""
    count = max(round(plan.forged_s * FPS), 1)
    border = round(BORDER_S * FPS)
    starts = rng.integers(border, len(footage.frames) - border - count, size=20)
    if plan.voice_method is None or footage.samples is None:
        return slice(int(starts[0]), int(starts[0]) + count)
    is_speech = speech_probabilities(footage.samples) > SPEECH_THRESHOLD

    def speech(start: int) -> float:
        edges = np.array([start, start + count]) / FPS * RATE_HZ / CHUNK
        return float(is_speech[int(edges[0]) : int(edges[1]) + 1].mean())

    best = int(max(starts.tolist(), key=speech))
    return slice(best, best + count)


def forge_stretch(
    footage: Footage,
    frames: slice,
    donor: Footage,
    plan: PartialPlan,
    rng: np.random.Generator,
) -> Footage:
    """Return the footage with its face, voice or both forged in some frames alone."""
    pictures, samples = list(footage.frames), footage.samples
    if plan.face_method is not None:
        part = Footage(pictures[frames], footage.landmarks[frames], None)
        pictures[frames] = forge_face(part, plan.face_method, donor, rng)
    if plan.voice_method is not None and samples is not None:
        span = slice(round(frames.start / FPS * RATE_HZ), round(frames.stop / FPS * RATE_HZ))
        samples = _forge_sound(samples, span, plan.voice_method, rng)
    return Footage(pictures, footage.landmarks, samples)


def _forge_sound(samples: Samples, span: slice, method: str, rng: np.random.Generator) -> Samples:
    """Return the sound with a forged voice in a span, cross-faded at both ends."""
    context, fade = round(CONTEXT_S * RATE_HZ), round(FADE_S * RATE_HZ)
    wide = slice(max(span.start - context, 0), span.stop + context)
    original = samples[wide]
    forged = forge_voice(Footage((), np.zeros((0, 68, 2)), original), method, _NO_DONOR, rng)
    weight = np.zeros(len(samples), np.float32)
    weight[span] = 1
    ramp = np.linspace(0, 1, 2 * fade, dtype=np.float32)
    weight[span.start - fade : span.start + fade] = ramp
    weight[span.stop - fade : span.stop + fade] = ramp[::-1]
    mixed = samples.copy()
    mixed[wide] = original * (1 - weight[wide]) + forged * weight[wide]
    return mixed


_NO_DONOR = Footage((), np.zeros((0, 68, 2)), None)  # these methods need none


def _to_clip(path: Path, plan: PartialPlan, span_s: tuple[float, float] | None) -> Clip:
    methods = {"video": plan.face_method, "audio": plan.voice_method}
    forged = {modality: name for modality, name in methods.items() if name and span_s}
    return describe_clip(
        path,
        plan.person,
        source="unmask-demo-partial",
        split=plan.split,
        is_fake=bool(forged),
        fake_video="video" in forged,
        fake_audio="audio" in forged,
        manipulation="+".join(forged.values()) or "none",
        pair_id=plan.name,
        fake_periods=tuple(FakeSpan(*span_s, modality) for modality in forged) if span_s else (),
    )
