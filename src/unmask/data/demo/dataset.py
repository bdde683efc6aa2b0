"""The demo set: four classes as in FakeAVCeleb, no shortcut between them by construction.

Each take gives a genuine clip and a forged one: same person, words, length, camera and encode
(FakeAVCeleb: Khalid et al., NeurIPS Datasets and Benchmarks 2021).
"""

import json
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from joblib import Parallel, delayed
from rich.progress import track

from unmask.data.demo.recording import Identity, add_sensor_noise, identity, record, speech_ratio
from unmask.data.encode import encode
from unmask.data.forgeries.methods import (
    FACE_METHODS,
    VOICE_METHODS,
    Footage,
    forge_face,
    forge_voice,
)
from unmask.data.manifest import write_manifest
from unmask.errors import DataError
from unmask.preprocessing.media.decode import probe
from unmask.records import Clip

IDENTITIES = 40
FEWEST = 20  # clips, of ten people: two at least in each split
SHARES = {"train": 0.45, "val": 0.2, "test": 0.35}
CLASSES = ("face", "voice", "both")
MARK = "demo.json"
LEAST_HEARD = 0.3  # of a clip that must pass for speech; a take with less is filmed again
MOST_ATTEMPTS = 8


@dataclass(frozen=True, slots=True)
class Take:
    """What is filmed, and how its twin is forged; ``donor`` is of the same split."""

    number: int
    person: int
    donor: int
    split: str
    face_method: str | None
    voice_method: str | None

    @property
    def manipulation(self) -> str:
        """The forgery's name in the manifest."""
        return "+".join(self.methods)

    @property
    def methods(self) -> tuple[str, ...]:
        """One or two forgeries."""
        return tuple(name for name in (self.face_method, self.voice_method) if name)


def generate_demo_set(out: Path, clips: int, seed: int, jobs: int = 2) -> tuple[Clip, ...]:
    """Make ``clips`` clips and their manifest; what is there already is kept.

    Raises:
        DataError: ``clips`` is odd or below 20, or ``out`` holds something else.
    """
    if clips < FEWEST or clips % 2:
        raise DataError(f"--clips {clips}: use an even number of at least {FEWEST}")
    _reserve_output(out, {"clips": clips, "seed": seed})
    takes = plan_takes(clips // 2, seed)
    work = (delayed(render_pair)(out, take, seed) for take in takes)
    done = Parallel(n_jobs=jobs, return_as="generator")(work)
    rows = [row for pair in track(done, "filming", total=len(takes)) for row in pair]
    write_manifest(rows, out / "manifest.csv")
    return tuple(rows)


def plan_takes(takes: int, seed: int) -> tuple[Take, ...]:
    """Who is filmed and how it is forged: splits share no person, classes are balanced."""
    people = min(IDENTITIES, max(takes // 2, FEWEST // 2))
    rng = np.random.default_rng([seed, 0])
    order = rng.permutation(people)
    ends = np.rint(np.cumsum(list(SHARES.values())) * people).astype(int)
    groups = dict(zip(SHARES, np.split(order, ends[:-1]), strict=True))
    split_of = {int(person): name for name, group in groups.items() for person in group}
    counted: dict[str, int] = dict.fromkeys(SHARES, 0)
    planned = []
    for number in range(takes):
        person = int(order[number % people])
        split = split_of[person]
        turn = counted[split]
        counted[split] += 1
        kind, method = turn % len(CLASSES), turn // len(CLASSES)
        others = [int(other) for other in groups[split] if other != person]
        planned.append(
            Take(
                number=number,
                person=person,
                donor=int(rng.choice(others)),
                split=split,
                face_method=None if kind == 1 else FACE_METHODS[(method + kind) % 3],
                voice_method=None if kind == 0 else VOICE_METHODS[method % 3],
            )
        )
    return tuple(planned)


def render_pair(out: Path, take: Take, seed: int) -> tuple[Clip, Clip]:
    """Film one take, forge its twin, write both files, describe them."""
    cv2.setNumThreads(1)  # the takes run side by side
    paths = [out / "clips" / f"{take.number:03d}-{kind}.mp4" for kind in ("genuine", "forged")]
    if not all(path.is_file() for path in paths):
        for attempt in range(MOST_ATTEMPTS):
            rng = np.random.default_rng([seed, 2, take.number, attempt])
            twins = _twins(take, seed, rng)
            if all(speech_ratio(one.samples) >= LEAST_HEARD for one in twins):
                break
        for path, one in zip(paths, twins, strict=True):
            encode(path, add_sensor_noise(one.frames, rng), one.samples)
    return _row(paths[0], take, forged=False), _row(paths[1], take, forged=True)


def forged(footage: Footage, donor: Footage, take: Take, rng: np.random.Generator) -> Footage:
    """The take's fake twin."""
    frames, samples = footage.frames, footage.samples
    if take.face_method:
        frames = forge_face(footage, take.face_method, donor, rng)
    if take.voice_method:
        samples = forge_voice(footage, take.voice_method, donor, rng)
    return Footage(frames, footage.landmarks, samples)


def _twins(take: Take, seed: int, rng: np.random.Generator) -> tuple[Footage, Footage]:
    duration_s = float(rng.uniform(3.0, 4.0))
    footage = record(_make_identity(take.person, seed), duration_s, rng)
    takes_from_donor = {"face-swap", "lip-desync", "voice-swap"} & set(take.methods)
    donor = (
        record(_make_identity(take.donor, seed), duration_s, rng) if takes_from_donor else footage
    )
    return footage, forged(footage, donor, take, rng)


def _make_identity(number: int, seed: int) -> Identity:
    return identity(f"person-{number:02d}", np.random.default_rng([seed, 1, number]))


def _row(path: Path, take: Take, forged: bool) -> Clip:
    info = probe(path)
    return Clip(
        clip_id=path.stem,
        path=path,
        sha256=info.sha256,
        source="unmask-demo",
        identity=f"person-{take.person:02d}",
        split=take.split,
        is_fake=forged,
        fake_video=forged and take.face_method is not None,
        fake_audio=forged and take.voice_method is not None,
        manipulation=take.manipulation if forged else "none",
        pair_id=f"take-{take.number:03d}",
        duration_s=info.duration_s,
        fps=info.fps,
        width=info.width,
        height=info.height,
        has_audio=info.has_audio,
        licence="CC0-1.0",
    )


def _reserve_output(out: Path, wish: dict[str, int]) -> None:
    """Make ``out`` this set's folder, or go on in it; never mix two sets."""
    mark = out / MARK
    if mark.is_file():
        if json.loads(mark.read_text()) != wish:
            raise DataError(f"{out}: holds another demo set, {mark.read_text()}; use a new folder")
        return
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise DataError(f"{out}: is not empty; use a new folder")
    out.mkdir(parents=True, exist_ok=True)
    mark.write_text(json.dumps(wish))
