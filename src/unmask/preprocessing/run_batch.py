"""Many files at once: every stage of each, side by side, and a report of what was seen."""

import json
import logging
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from time import perf_counter

from unmask.config import PreprocessingSettings
from unmask.errors import DataError, UnmaskError
from unmask.optional_deps import require
from unmask.preprocessing.cache import Cache
from unmask.preprocessing.prepare import frames_with_face
from unmask.preprocessing.stages import CachedStages
from unmask.preprocessing.timing import StageTimer
from unmask.records import Clip

STAGES = ("faces", "flow", "lips", "speech")
MEDIA = (".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".wmv", ".3gp")
SOUND = (".wav", ".mp3", ".m4a", ".aac", ".flac", ".ogg", ".opus")

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class FileReport:
    """What was seen and heard in one file; ``None`` for a stage that was not asked for.

    Attributes:
        people: Different people seen.
        seconds: Stage to seconds of work; a stage taken from the cache costs none.
        cached: Stage to whether it was taken from the cache.
        error: Why the file could not be prepared.
    """

    path: str
    duration_s: float = 0.0
    frames_sampled: int | None = None
    frames_with_face: int | None = None
    people: int | None = None
    speech_s: float | None = None
    silence_s: float | None = None
    seconds: dict[str, float] | None = None
    cached: dict[str, bool] | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class TotalReport:
    """Sums over the files that could be prepared.

    Attributes:
        face_coverage: Share of the sampled frames that show a face; ``None`` without frames.
        silence_share: Share of the sound in which nobody speaks; ``None`` without sound.
        seconds: Stage to seconds of work, summed over all processes.
        wall_s: What the clock on the wall says.
        real_time_factor: Seconds of media prepared in one second.
    """

    files: int
    failed: int
    duration_s: float
    frames_sampled: int
    frames_with_face: int
    face_coverage: float | None
    people: int
    speech_s: float
    silence_s: float
    silence_share: float | None
    seconds: dict[str, float]
    wall_s: float
    real_time_factor: float


@dataclass(frozen=True, slots=True)
class PreprocessReport:
    """One entry per file, in the order given, and the sums."""

    files: tuple[FileReport, ...]
    total: TotalReport

    def to_json(self) -> str:
        """The report as a JSON object with ``files`` and ``total``."""
        return json.dumps(asdict(self), indent=2, ensure_ascii=False)


def preprocess_files(
    clips: Sequence[Clip | Path],
    settings: PreprocessingSettings,
    cache: Cache,
    jobs: int = 2,
    stages: Sequence[str] = STAGES,
) -> PreprocessReport:
    """Fill the cache for all files; one that fails is listed and does not stop the others.

    Killed at any moment and called again, it goes on with the first stage that is missing.

    Args:
        jobs: Processes side by side.
        stages: Of ``faces``, ``flow``, ``lips``, ``speech``; what a stage builds on is made with
            it, and ``flow`` and ``lips`` only where the settings ask for them.

    Raises:
        DataError: There is no such stage.
    """
    if unknown := sorted(set(stages) - set(STAGES)):
        raise DataError(f"no stage {', '.join(unknown)}; use {', '.join(STAGES)}")
    if removed := cache.purge_partials():
        log.info("removed %d file(s) that killed writers left in %s", removed, cache.root)
    paths = [clip.path if isinstance(clip, Clip) else clip for clip in clips]
    begin = perf_counter()
    found = dict(_worked(paths, settings, cache, jobs, tuple(stages)))
    files = tuple(found[number] for number in range(len(paths)))
    return PreprocessReport(files, _total(files, perf_counter() - begin))


def find_media(folder: Path) -> tuple[Path, ...]:
    """All video and sound files below a folder, sorted.

    Raises:
        DataError: There are none.
    """
    found = sorted(
        path for path in folder.rglob("*")
        if path.is_file() and path.suffix.lower() in MEDIA + SOUND
    )  # fmt: skip
    if not found:
        raise DataError(f"{folder}: no video or sound file below it; name another folder")
    return tuple(found)


def _worked(
    paths: Sequence[Path],
    settings: PreprocessingSettings,
    cache: Cache,
    jobs: int,
    stages: tuple[str, ...],
) -> Iterator[tuple[int, FileReport]]:
    """Each file's number and report, as they are done, with a progress bar on a terminal."""
    joblib = require("joblib", extra="media")
    from rich.console import Console
    from rich.progress import track

    pool = joblib.Parallel(n_jobs=max(min(jobs, len(paths)), 1), return_as="generator_unordered")
    done = pool(
        joblib.delayed(_one)(number, path, settings, cache.root, stages)
        for number, path in enumerate(paths)
    )
    console = Console(stderr=True)
    shown = track(
        done, f"preprocess ({', '.join(stages)})", len(paths),
        console=console, disable=not console.is_terminal,
    )  # fmt: skip
    for number, report in shown:
        if report.error:
            log.info("%s", report.error)
        yield number, report


def _one(
    number: int, path: Path, settings: PreprocessingSettings, root: Path, stages: tuple[str, ...]
) -> tuple[int, FileReport]:
    """One file in a worker process."""
    try:
        return number, _prepared(path, settings, Cache(root), stages)
    except UnmaskError as error:
        return number, FileReport(str(path), error=str(error))
    except Exception as error:  # a fault of ours in one file must not cost the other thousands
        log.exception("%s", path)
        reason = f"{path}: {type(error).__name__}: {error}; report this file"
        return number, FileReport(str(path), error=reason)


def _prepared(
    path: Path, settings: PreprocessingSettings, cache: Cache, stages: tuple[str, ...]
) -> FileReport:
    watch = StageTimer()
    work = CachedStages(path, settings, cache, watch)
    info = work.info()
    report = FileReport(str(path), info.duration_s)
    if {"faces", "flow", "lips"} & set(stages):
        seen = work.people()
        with_face = frames_with_face(seen.people)
        report = replace(
            report,
            frames_sampled=seen.frames_sampled,
            frames_with_face=with_face,
            people=len(seen.people),
        )
    if "flow" in stages:
        work.flow()
    if "lips" in stages:
        work.lips()
    if "speech" in stages:
        sound = work.sound()
        speech_s = float((sound.speech_s[:, 1] - sound.speech_s[:, 0]).sum())
        heard_s = sound.waveform.duration_s if sound.waveform is not None else 0.0
        report = replace(report, speech_s=speech_s, silence_s=heard_s - speech_s)
    return replace(report, seconds=dict(watch.seconds), cached=work.cached)


def _total(files: Sequence[FileReport], wall_s: float) -> TotalReport:
    good = [file for file in files if file.error is None]
    spent = [file.seconds or {} for file in good]
    seconds = {
        name: sum(one.get(name, 0.0) for one in spent)
        for name in sorted({key for one in spent for key in one})
    }
    sampled = sum(file.frames_sampled or 0 for file in good)
    with_face = sum(file.frames_with_face or 0 for file in good)
    speech_s = sum(file.speech_s or 0.0 for file in good)
    silence_s = sum(file.silence_s or 0.0 for file in good)
    duration_s = sum(file.duration_s for file in good)
    return TotalReport(
        files=len(files),
        failed=len(files) - len(good),
        duration_s=duration_s,
        frames_sampled=sampled,
        frames_with_face=with_face,
        face_coverage=with_face / sampled if sampled else None,
        people=sum(file.people or 0 for file in good),
        speech_s=speech_s,
        silence_s=silence_s,
        silence_share=silence_s / (speech_s + silence_s) if speech_s + silence_s else None,
        seconds=seconds,
        wall_s=wall_s,
        real_time_factor=duration_s / wall_s if wall_s else 0.0,
    )
