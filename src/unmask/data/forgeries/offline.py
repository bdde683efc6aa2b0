"""Pseudo-fakes from genuine footage, each beside a re-encoded twin that was not forged.

The twin passes the same cut, size and encode, so that these cannot tell the two apart.
"""

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from hashlib import sha256
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray
from rich.progress import track

from unmask.config import FaceSettings
from unmask.data.encode import encode
from unmask.data.forgeries.methods import (
    FACE_METHODS,
    VOICE_METHODS,
    Footage,
    Frame,
    forge_face,
    forge_voice,
)
from unmask.errors import DataError, MediaError
from unmask.preprocessing.faces.detection import get_landmarker
from unmask.preprocessing.media.decode import iter_sampled_frames, probe, read_waveform
from unmask.records import RATE_HZ, Clip

LOGGER = logging.getLogger(__name__)
MOST_S = 6.0
MOST_PX = 720  # of the shorter side
FPS = 25.0
DONATED = ("face-swap", "lip-desync", "voice-swap")  # what takes something of somebody else


@dataclass(frozen=True, slots=True)
class ForgeryJob:
    """One clip to forge and how; ``key`` names its files after all that shapes them."""

    clip: Clip
    donor: Clip
    method: str
    seed: int

    @property
    def key(self) -> str:
        """Sixteen hexadecimal digits."""
        told = [self.clip.sha256, self.donor.sha256, self.method, self.seed, MOST_S, MOST_PX]
        return sha256(json.dumps(told).encode()).hexdigest()[:16]


def generate_forgeries(
    clips: Sequence[Clip], out: Path, seed: int, jobs: int = 2
) -> tuple[Clip, ...]:
    """Forge each genuine clip once, the methods taking turns; what is done already is kept.

    Donors come from the same split. A clip that cannot be forged (no face, no sound) is left
    out and logged.

    Returns:
        Two clips for each that was forged: the re-encoded twin and the pseudo-fake, of the
        same identity, split and pair.

    Raises:
        DataError: No clip is genuine.
    """
    genuine = [clip for clip in clips if not clip.is_fake]
    if not genuine:
        raise DataError(f"none of {len(clips)} clips is genuine; there is nothing to forge")
    planned = list(_plan(genuine, seed))
    work = (delayed(_forge)(job, out) for job in planned)
    done = Parallel(n_jobs=jobs, return_as="generator")(work)
    pairs = list(track(done, "forging", total=len(planned)))
    return tuple(clip for pair in pairs for clip in pair)


def load_footage(path: Path, seconds: float = MOST_S, *, faces: bool = True) -> Footage:
    """The beginning of a video, with the landmarks of its largest face.

    Args:
        faces: Whether anybody will look at the landmarks; without, none are found.

    Raises:
        MediaError: The file cannot be read, or shows nothing.
    """
    pictures = [
        _fitted(rgb) for _, rgb in islice(iter_sampled_frames(path, FPS), round(seconds * FPS))
    ]
    if not pictures:
        raise MediaError(f"{path}: shows no picture; only video can be forged")
    points = np.full((len(pictures), 68, 2), np.nan)
    landmarker = get_landmarker(FaceSettings())
    for index, picture in enumerate(pictures if faces else ()):
        if found := landmarker.detect(picture):
            points[index] = found[0].landmarks_px
    sound = read_waveform(path)
    length = round(len(pictures) / FPS * RATE_HZ)
    samples = None if sound is None else _as_long(sound.samples, length)
    return Footage(pictures, points, samples)


def _plan(genuine: Sequence[Clip], seed: int) -> list[ForgeryJob]:
    rng = np.random.default_rng(seed)
    planned = []
    for number, clip in enumerate(sorted(genuine, key=lambda one: one.clip_id)):
        methods = [*FACE_METHODS, *VOICE_METHODS] if clip.has_audio else list(FACE_METHODS)
        method = methods[number % len(methods)]
        others = [
            one
            for one in genuine
            if one.split == clip.split
            and one.identity != clip.identity
            and (one.has_audio or method != "voice-swap")
        ]
        if not others:
            LOGGER.warning("%s: nobody else in split %s to take from", clip.clip_id, clip.split)
            continue
        donor = others[int(rng.integers(len(others)))]
        planned.append(ForgeryJob(clip, donor, method, seed))
    return planned


def _forge(job: ForgeryJob, out: Path) -> tuple[Clip, ...]:
    cv2.setNumThreads(1)  # the jobs run side by side
    paths = [out / f"{job.key}-{kind}.mp4" for kind in ("genuine", "forged")]
    try:
        if not all(path.is_file() for path in paths):
            _write(job, paths)
    except (DataError, MediaError) as error:
        LOGGER.warning("%s: not forged: %s", job.clip.clip_id, error)
        return ()
    return _described(job, paths[0], forged=False), _described(job, paths[1], forged=True)


def _write(job: ForgeryJob, paths: Sequence[Path]) -> None:
    rng = np.random.default_rng([job.seed, int(job.key, 16)])
    in_face = job.method in FACE_METHODS
    footage = load_footage(job.clip.path, faces=in_face)
    alone = job.method not in DONATED
    donor = footage if alone else load_footage(job.donor.path, faces=in_face)
    pictures, samples = list(footage.frames), footage.samples
    if in_face:
        pictures = forge_face(footage, job.method, donor, rng)
    else:
        samples = forge_voice(footage, job.method, donor, rng)
    encode(paths[0], footage.frames, footage.samples, FPS)
    encode(paths[1], pictures, samples, FPS)


def _described(job: ForgeryJob, path: Path, forged: bool) -> Clip:
    info = probe(path)
    video = forged and job.method in FACE_METHODS
    return replace(
        job.clip,
        clip_id=f"{job.clip.clip_id}~{job.method if forged else 'twin'}",
        path=path,
        sha256=info.sha256,
        is_fake=forged,
        fake_video=video,
        fake_audio=forged and not video,
        manipulation=job.method if forged else "none",
        pair_id=job.clip.pair_id or job.clip.clip_id,
        duration_s=info.duration_s,
        fps=info.fps,
        width=info.width,
        height=info.height,
        has_audio=info.has_audio,
        fake_periods=(),
    )


def _fitted(picture: Frame) -> Frame:
    """At most ``MOST_PX`` on the shorter side, and even sides."""
    height, width = picture.shape[:2]
    scale = min(1.0, float(Fraction(MOST_PX, min(height, width))))
    size = (round(width * scale) // 2 * 2, round(height * scale) // 2 * 2)
    if size == (width, height):
        return picture
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)


def _as_long(samples: NDArray[np.float32], length: int) -> NDArray[np.float32]:
    return np.pad(samples[:length], (0, max(length - len(samples), 0)))
