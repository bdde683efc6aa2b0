"""Demo data set: genuine clips and three kinds of fakes, without shortcuts by construction.

Each pair is a genuine clip and a fake with the same person, speech, length, camera and
encoding. Classes as in FakeAVCeleb (Khalid et al., NeurIPS Datasets and Benchmarks 2021).
"""

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from unmask.data.demo.recording import (
    Identity,
    add_sensor_noise,
    record,
    sample_identity,
    speech_ratio,
)
from unmask.data.forgeries.methods import (
    DONOR_METHODS,
    FACE_METHODS,
    VOICE_METHODS,
    VOICE_SWAP,
    Footage,
    forge_face,
    forge_voice,
)
from unmask.data.manifest import write_manifest
from unmask.errors import DataError
from unmask.preprocessing.media.encode import encode_clip
from unmask.preprocessing.media.probe import probe
from unmask.preprocessing.parallel import run_parallel
from unmask.records import Clip

MAX_PEOPLE = 40  # further people of the validation split apart
PAIRS_PER_PERSON = 3  # of those
MIN_CLIPS = 20  # of ten people: at least two in each split
SHARES = {"train": 0.45, "val": 0.2, "test": 0.35}
CLASSES = ("face", "voice", "both")
MARKER_NAME = "demo.json"  # holds the arguments of the set
MIN_SPEECH_RATIO = 0.3  # a pair with less detected speech is rendered again
MAX_ATTEMPTS = 8


@dataclass(frozen=True, slots=True)
class PairPlan:
    """Plan of a genuine clip and its fake.

    Attributes:
        person: Number of the person shown.
        donor: Number of another person of the same split.
        face_method, voice_method: Forgery of each modality; at least one is set.
    """

    number: int
    person: int
    donor: int
    split: str
    face_method: str | None = None
    voice_method: str | None = None

    @property
    def manipulation(self) -> str:
        """Name of the forgery in the manifest."""
        return "+".join(self.methods)

    @property
    def methods(self) -> tuple[str, ...]:
        """Names of the forgery methods of the fake, one or two."""
        return tuple(name for name in (self.face_method, self.voice_method) if name)


def generate_demo_set(
    out: Path, clips: int, seed: int, jobs: int = 2, val_people: int = 0
) -> tuple[Clip, ...]:
    """Generate a demo set and its manifest; existing clips of the same set are kept.

    The same arguments give the same frames and sound.

    Args:
        out: Folder of the set.
        clips: Number of clips of all splits, half of them genuine.
        jobs: Parallel processes.
        val_people: Number of further people in the validation split, with six clips each. The
            other clips do not depend on it.

    Raises:
        DataError: ``clips`` is odd or below 20, ``val_people`` is negative or 1, or ``out``
            contains other files.
    """
    if clips < MIN_CLIPS or clips % 2:
        raise DataError(f"--clips {clips}: use an even number of at least {MIN_CLIPS}")
    if val_people < 0 or val_people == 1:
        raise DataError(f"--val-people {val_people}: use 0, or at least 2 for swapped faces")
    arguments = {"clips": clips, "seed": seed}
    reserve_output(out, arguments | ({"val_people": val_people} if val_people else {}))
    plans = plan_pairs(clips // 2, seed) + plan_val_pairs(clips // 2, seed, val_people)
    calls = [(out, plan, seed) for plan in plans]
    rows = [row for pair in run_parallel(render_pair, calls, jobs, "rendering") for row in pair]
    write_manifest(rows, out / "manifest.csv")
    return tuple(rows)


def plan_pairs(pairs: int, seed: int) -> tuple[PairPlan, ...]:
    """Plan the pairs: splits share no person, and each has all kinds of fakes in equal numbers."""
    people = min(MAX_PEOPLE, max(pairs // 2, MIN_CLIPS // 2))
    rng = np.random.default_rng([seed, 0])
    order = rng.permutation(people)
    ends = np.rint(np.cumsum(list(SHARES.values())) * people).astype(int)
    groups = dict(zip(SHARES, np.split(order, ends[:-1]), strict=True))
    split_of = {int(person): name for name, group in groups.items() for person in group}
    counts: dict[str, int] = dict.fromkeys(SHARES, 0)
    planned = []
    for number in range(pairs):
        person = int(order[number % people])
        split = split_of[person]
        others = [int(other) for other in groups[split] if other != person]
        shown = PairPlan(number, person, int(rng.choice(others)), split)
        planned.append(_with_methods(shown, counts[split]))
        counts[split] += 1
    return tuple(planned)


def plan_val_pairs(pairs: int, seed: int, people: int) -> tuple[PairPlan, ...]:
    """Plan pairs of further people of the validation split, beside ``pairs`` of all splits."""
    rng = np.random.default_rng([seed, 5])
    numbers = range(MAX_PEOPLE, MAX_PEOPLE + people)
    planned = []
    for position in range(PAIRS_PER_PERSON * people):
        person = numbers[position % people]
        others = [other for other in numbers if other != person]
        shown = PairPlan(pairs + position, person, int(rng.choice(others)), "val")
        planned.append(_with_methods(shown, position))
    return tuple(planned)


def _with_methods(plan: PairPlan, position: int) -> PairPlan:
    """Add the forgery methods of the pair at a position of its split, in turn."""
    kind, method = position % len(CLASSES), position // len(CLASSES)
    return replace(
        plan,
        face_method=None if kind == 1 else FACE_METHODS[(method + kind) % 3],
        voice_method=None if kind == 0 else VOICE_METHODS[method % 3],
    )


def render_pair(out: Path, plan: PairPlan, seed: int) -> tuple[Clip, Clip]:
    """Render a genuine clip, forge its fake, write both files and return their clips."""
    cv2.setNumThreads(1)  # several pairs are rendered in parallel
    paths = [out / "clips" / f"{plan.number:03d}-{kind}.mp4" for kind in ("genuine", "forged")]
    if not all(path.is_file() for path in paths):
        for attempt in range(MAX_ATTEMPTS):
            rng = np.random.default_rng([seed, 2, plan.number, attempt])
            pair = _synthesise_pair(plan, seed, rng)
            if all(speech_ratio(footage.samples) >= MIN_SPEECH_RATIO for footage in pair):
                break
        for path, footage in zip(paths, pair, strict=True):
            encode_clip(path, add_sensor_noise(footage.frames, rng), footage.samples)
    return _to_clip(paths[0], plan, forged=False), _to_clip(paths[1], plan, forged=True)


def forge_footage(
    footage: Footage, donor: Footage, plan: PairPlan, rng: np.random.Generator
) -> Footage:
    """Return the fake of a pair."""
    frames, samples = footage.frames, footage.samples
    if plan.face_method:
        frames = forge_face(footage, plan.face_method, donor, rng)
    if plan.voice_method:
        samples = forge_voice(footage, plan.voice_method, donor, rng)
    return Footage(frames, footage.landmarks, samples)


def _synthesise_pair(
    plan: PairPlan, seed: int, rng: np.random.Generator
) -> tuple[Footage, Footage]:
    """Return the genuine footage and the fake."""
    duration_s = float(rng.uniform(3.0, 4.0))
    footage = record(make_identity(plan.person, seed), duration_s, rng)
    needs_donor = set(DONOR_METHODS) & set(plan.methods)
    donor = record(make_identity(plan.donor, seed), duration_s, rng) if needs_donor else footage
    return footage, forge_footage(footage, donor, plan, rng)


def make_identity(number: int, seed: int) -> Identity:
    """Return a person of the set by number."""
    return sample_identity(f"person-{number:02d}", np.random.default_rng([seed, 1, number]))


def _to_clip(path: Path, plan: PairPlan, forged: bool) -> Clip:
    mismatched = forged and plan.voice_method == VOICE_SWAP  # a genuine voice of another person
    return describe_clip(
        path,
        plan.person,
        source="unmask-demo",
        split=plan.split,
        is_fake=forged,
        fake_video=forged and plan.face_method is not None,
        fake_audio=forged and plan.voice_method is not None and not mismatched,
        mismatched=mismatched,
        manipulation=plan.manipulation if forged else "none",
        pair_id=f"take-{plan.number:03d}",
    )


def describe_clip(path: Path, person: int, **labels: Any) -> Clip:
    """Return a rendered file as a clip.

    Args:
        person: Number of the person shown.
        labels: Further fields of :class:`unmask.records.Clip`.
    """
    info = probe(path)
    return Clip(
        clip_id=path.stem,
        path=path,
        sha256=info.sha256,
        identity=f"person-{person:02d}",
        duration_s=info.duration_s,
        fps=info.fps,
        width=info.width,
        height=info.height,
        has_audio=info.has_audio,
        licence="CC0-1.0",
        **labels,
    )


def reserve_output(out: Path, arguments: dict[str, int]) -> None:
    """Create the folder, or resume a set with the same arguments; never mix two sets."""
    marker = out / MARKER_NAME
    if marker.is_file():
        if json.loads(marker.read_text()) != arguments:
            raise DataError(
                f"{out}: contains another demo set, {marker.read_text()}; use a new folder"
            )
        return
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise DataError(f"{out}: is not empty; use a new folder")
    out.mkdir(parents=True, exist_ok=True)
    marker.write_text(json.dumps(arguments))
