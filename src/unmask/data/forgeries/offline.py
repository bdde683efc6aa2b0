"""Offline pseudo-fakes: forges genuine clips and writes each next to a re-encoded control.

The control has the same cut, size and encoding as the fake, so that these are no shortcuts.
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

from unmask.config import FaceSettings
from unmask.data.forgeries.methods import (
    DONOR_METHODS,
    FACE_METHODS,
    VOICE_METHODS,
    VOICE_SWAP,
    Footage,
    Frame,
    forge_face,
    forge_voice,
)
from unmask.data.forgeries.voices import fix_length
from unmask.errors import DataError, MediaError, describe_problem
from unmask.preprocessing.faces.detection import get_landmarker
from unmask.preprocessing.media.audio import read_waveform
from unmask.preprocessing.media.encode import encode_clip
from unmask.preprocessing.media.frames import iter_sampled_frames
from unmask.preprocessing.media.probe import probe
from unmask.preprocessing.parallel import run_parallel
from unmask.records import RATE_HZ, Clip

log = logging.getLogger(__name__)
MAX_S = 6.0
MAX_SIDE_PX = 720  # shorter side
FPS = 25.0


@dataclass(frozen=True, slots=True)
class ForgeryJob:
    """A clip to forge, the donor and the method."""

    clip: Clip
    donor: Clip
    method: str
    seed: int

    @property
    def key(self) -> str:
        """Hash of all inputs, which names the output files; 16 hexadecimal digits."""
        inputs = [self.clip.sha256, self.donor.sha256, self.method, self.seed, MAX_S, MAX_SIDE_PX]
        return sha256(json.dumps(inputs).encode()).hexdigest()[:16]


def generate_forgeries(
    clips: Sequence[Clip], out: Path, seed: int, jobs: int = 2
) -> tuple[Clip, ...]:
    """Forge each genuine clip once, cycling through the methods; existing files are kept.

    Donors come from the same split. A clip that cannot be forged (no face, no sound, no donor) is
    logged and left out.

    Args:
        out: Folder of the files.
        jobs: Parallel processes; a clip that crashes one of them is left out.

    Returns:
        Two clips per forged clip, the re-encoded control and the pseudo-fake, with the identity,
        split and pair of the original.

    Raises:
        DataError: No clip is genuine.
    """
    genuine = [clip for clip in clips if not clip.is_fake]
    if not genuine:
        raise DataError(f"none of {len(clips)} clips is genuine; add genuine clips to forge")
    planned = _plan_jobs(genuine, seed)
    calls = [(job, out) for job in planned]
    pairs = list(run_parallel(_run_job, calls, jobs, "forging", _report_crash))
    if failed := sum(not pair for pair in pairs):
        log.warning("%s: %d of %d clips could not be forged", out, failed, len(genuine))
    return tuple(clip for pair in pairs for clip in pair)


def load_footage(path: Path, seconds: float = MAX_S, *, faces: bool = True) -> Footage:
    """Decode the beginning of a video and detect the landmarks of its largest face.

    Args:
        seconds: Maximum length.
        faces: If False, no face is detected and all landmarks are NaN.

    Raises:
        MediaError: The file cannot be read, or has no frames.
    """
    frames = [
        _limit_size(frame)
        for _, frame in islice(iter_sampled_frames(path, FPS), round(seconds * FPS))
    ]
    if not frames:
        raise MediaError(f"{path}: no video frames; only files with video can be forged")
    landmarks = np.full((len(frames), 68, 2), np.nan)
    landmarker = get_landmarker(FaceSettings())
    for index, frame in enumerate(frames if faces else ()):
        if detected := landmarker.detect(frame):
            landmarks[index] = detected[0].landmarks_px
    waveform = read_waveform(path)
    length = round(len(frames) / FPS * RATE_HZ)
    samples = None if waveform is None else fix_length(waveform.samples, length)
    return Footage(frames, landmarks, samples)


def _plan_jobs(genuine: Sequence[Clip], seed: int) -> list[ForgeryJob]:
    rng = np.random.default_rng(seed)
    planned = []
    for number, clip in enumerate(sorted(genuine, key=lambda row: row.clip_id)):
        methods = [*FACE_METHODS, *VOICE_METHODS] if clip.has_audio else list(FACE_METHODS)
        method = methods[number % len(methods)]
        donors = [
            other
            for other in genuine
            if other.split == clip.split
            and other.identity != clip.identity
            and (other.has_audio or method != VOICE_SWAP)
        ]
        if not donors:
            log.warning("%s: not forged: no other person in split %s", clip.clip_id, clip.split)
            continue
        donor = donors[int(rng.integers(len(donors)))]
        planned.append(ForgeryJob(clip, donor, method, seed))
    return planned


def _run_job(job: ForgeryJob, out: Path) -> tuple[Clip, ...]:
    cv2.setNumThreads(1)  # several jobs run in parallel
    paths = [out / f"{job.key}-{kind}.mp4" for kind in ("genuine", "forged")]
    try:
        if not all(path.is_file() for path in paths):
            _write_pair(job, paths)
        return (_to_clip(job, paths[0], forged=False), _to_clip(job, paths[1], forged=True))
    except Exception as error:  # a bug that one clip triggers must not stop the whole batch
        message = describe_problem(job.clip.path, error)
        log.warning("%s: not forged: %s", job.clip.clip_id, message)
        return ()


def _report_crash(job: ForgeryJob, _out: Path) -> tuple[Clip, ...]:
    log.warning("%s: not forged: it crashed its worker process", job.clip.clip_id)
    return ()


def _write_pair(job: ForgeryJob, paths: Sequence[Path]) -> None:
    rng = np.random.default_rng([job.seed, int(job.key, 16)])
    forges_face = job.method in FACE_METHODS
    footage = load_footage(job.clip.path, faces=forges_face)
    needs_donor = job.method in DONOR_METHODS
    donor = load_footage(job.donor.path, faces=forges_face) if needs_donor else footage
    frames, samples = list(footage.frames), footage.samples
    if forges_face:
        frames = forge_face(footage, job.method, donor, rng)
    else:
        samples = forge_voice(footage, job.method, donor, rng)
    encode_clip(paths[0], footage.frames, footage.samples, FPS)
    encode_clip(paths[1], frames, samples, FPS)


def _to_clip(job: ForgeryJob, path: Path, forged: bool) -> Clip:
    info = probe(path)
    fake_video = forged and job.method in FACE_METHODS
    mismatched = forged and job.method == VOICE_SWAP  # a genuine voice of another person
    return replace(
        job.clip,
        clip_id=f"{job.clip.clip_id}~{job.method if forged else 'twin'}",
        path=path,
        sha256=info.sha256,
        is_fake=forged,
        fake_video=fake_video,
        fake_audio=forged and not (fake_video or mismatched),
        mismatched=mismatched,
        manipulation=job.method if forged else "none",
        pair_id=job.clip.pair_id or job.clip.clip_id,
        duration_s=info.duration_s,
        fps=info.fps,
        width=info.width,
        height=info.height,
        has_audio=info.has_audio,
        fake_periods=(),
        own_forgery=True,
    )


def _limit_size(frame: Frame) -> Frame:
    """Scale the shorter side down to ``MAX_SIDE_PX`` at most, and make both sides even."""
    height, width = frame.shape[:2]
    scale = min(1.0, float(Fraction(MAX_SIDE_PX, min(height, width))))
    size = (round(width * scale) // 2 * 2, round(height * scale) // 2 * 2)
    if size == (width, height):
        return frame
    return np.asarray(cv2.resize(frame, size, interpolation=cv2.INTER_AREA), np.uint8)
