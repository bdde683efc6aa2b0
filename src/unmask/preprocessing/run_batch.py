"""Preprocessing of many files in parallel, with a report."""

import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from time import perf_counter

from unmask.config import PreprocessingSettings
from unmask.errors import DataError, MediaError, UnmaskError, describe_problem
from unmask.preprocessing.cache import Cache
from unmask.preprocessing.crash_record import record_crash
from unmask.preprocessing.media.suffixes import list_media
from unmask.preprocessing.parallel import run_parallel
from unmask.preprocessing.prepare import frames_with_face
from unmask.preprocessing.stages import VERSIONS, CachedStages
from unmask.preprocessing.timing import StageTimer
from unmask.records import Clip

STAGES = ("faces", "flow", "lips", "source", "speech")

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class FileReport:
    """Result for one file; ``None`` for stages that were not requested.

    Attributes:
        people: Number of different people.
        speech_s, silence_s: Duration of speech, and of the rest of the audio.
        seconds: Elapsed time by stage; stages from the cache are not listed.
        cached: Whether each stage came from the cache.
        error: Why the file could not be preprocessed.
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
    """Sums over the files without an error.

    Attributes:
        files, failed: Number of all files, and of those with an error.
        face_coverage: Fraction of sampled frames with a face; ``None`` without frames.
        silence_share: Fraction of the audio without speech; ``None`` without audio.
        seconds: Elapsed time by stage, summed over all processes.
        wall_s: Elapsed time in total.
        real_time_factor: Seconds of media per second of elapsed time.
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
    """Results in the order of the given files, and their sums."""

    files: tuple[FileReport, ...]
    total: TotalReport

    def to_json(self) -> str:
        """Return the report as a JSON object with ``files`` and ``total``."""
        return json.dumps(asdict(self), indent=2, ensure_ascii=False)


def preprocess_files(
    clips: Sequence[Clip | Path],
    settings: PreprocessingSettings,
    cache: Cache,
    jobs: int = 2,
    stages: Sequence[str] = STAGES,
) -> PreprocessReport:
    """Fill the cache for all files; files with an error are reported and skipped.

    An interrupted run resumes at the first missing stage. A file that crashes its worker process
    is reported as well, and not decoded again.

    Args:
        jobs: Number of worker processes; 1 runs in this process, which a crash ends.
        stages: Any of ``STAGES``. Stages that they depend on are computed too; ``flow``, ``lips``
            and ``source`` are skipped if the settings disable them.

    Raises:
        DataError: A stage is unknown.
    """
    if unknown := sorted(set(stages) - set(STAGES)):
        raise DataError(f"unknown stage {', '.join(unknown)}; use {', '.join(STAGES)}")
    if removed := cache.purge_partials():
        log.info("%s: removed %d partial file(s) of interrupted runs", cache.root, removed)
    paths = [clip.path if isinstance(clip, Clip) else clip for clip in clips]
    start = perf_counter()
    calls = [(path, settings, cache, tuple(stages)) for path in paths]
    files = []
    for report in run_parallel(
        _preprocess_safely, calls, jobs, f"preprocess ({', '.join(stages)})", _report_crash
    ):
        if report.error:
            log.info("%s", report.error)
        files.append(report)
    return PreprocessReport(tuple(files), _sum_reports(files, perf_counter() - start))


def fill_cache(
    clips: Sequence[Clip], settings: PreprocessingSettings, cache: Cache, jobs: int = 2
) -> None:
    """Compute the features that the cache lacks, in worker processes.

    The process that trains or scores then decodes nothing itself, except for files whose error
    it meets again; no file can crash it.
    """
    incomplete = [clip for clip in clips if _is_incomplete(clip.path, settings, cache)]
    if incomplete:
        preprocess_files(incomplete, settings, cache, jobs)


def _is_incomplete(path: Path, settings: PreprocessingSettings, cache: Cache) -> bool:
    try:
        return bool(CachedStages(path, settings, cache).missing())
    except MediaError:
        return False  # the file cannot be read at all, which cannot crash a decoder


def find_media(folder: Path) -> tuple[Path, ...]:
    """Return all video and audio files below a folder, sorted.

    Raises:
        DataError: The folder has no such file.
    """
    paths = list_media(folder)
    if not paths:
        raise DataError(f"{folder}: contains no video or audio file; name another folder")
    return tuple(paths)


def _preprocess_safely(
    path: Path, settings: PreprocessingSettings, cache: Cache, stages: tuple[str, ...]
) -> FileReport:
    """Preprocess one file in a worker process, and report errors instead of raising them."""
    try:
        return _preprocess(path, settings, cache, stages)
    except Exception as error:  # a bug that one file triggers must not stop the whole batch
        if not isinstance(error, UnmaskError):
            log.exception("%s", path)
        return FileReport(str(path), error=describe_problem(path, error))


def _report_crash(
    path: Path, _settings: PreprocessingSettings, cache: Cache, _stages: tuple[str, ...]
) -> FileReport:
    return FileReport(str(path), error=record_crash(path, cache, VERSIONS))


def _preprocess(
    path: Path, settings: PreprocessingSettings, cache: Cache, requested: tuple[str, ...]
) -> FileReport:
    timer = StageTimer()
    stages = CachedStages(path, settings, cache, timer)
    report = FileReport(str(path), stages.info().duration_s)
    if {"faces", "flow", "lips", "source"} & set(requested):
        window = stages.people()
        report = replace(
            report,
            frames_sampled=window.frames_sampled,
            frames_with_face=frames_with_face(window.people),
            people=len(set(stages.identity().people)),
        )
    if "flow" in requested:
        stages.flow()
    if "lips" in requested:
        stages.mouth_crops()
    if "source" in requested:
        stages.source_faces()
    if "speech" in requested:
        speech = stages.speech()
        speech_s = float((speech.spans_s[:, 1] - speech.spans_s[:, 0]).sum())
        audio_s = speech.waveform.duration_s if speech.waveform is not None else 0.0
        report = replace(report, speech_s=speech_s, silence_s=audio_s - speech_s)
    return replace(report, seconds=dict(timer.seconds), cached=stages.cached)


def _sum_reports(files: Sequence[FileReport], wall_s: float) -> TotalReport:
    valid = [file for file in files if file.error is None]
    sampled = sum(file.frames_sampled or 0 for file in valid)
    with_face = sum(file.frames_with_face or 0 for file in valid)
    speech_s = sum(file.speech_s or 0.0 for file in valid)
    silence_s = sum(file.silence_s or 0.0 for file in valid)
    duration_s = sum(file.duration_s for file in valid)
    return TotalReport(
        files=len(files),
        failed=len(files) - len(valid),
        duration_s=duration_s,
        frames_sampled=sampled,
        frames_with_face=with_face,
        face_coverage=with_face / sampled if sampled else None,
        people=sum(file.people or 0 for file in valid),
        speech_s=speech_s,
        silence_s=silence_s,
        silence_share=silence_s / (speech_s + silence_s) if speech_s + silence_s else None,
        seconds=_sum_by_stage([file.seconds or {} for file in valid]),
        wall_s=wall_s,
        real_time_factor=duration_s / wall_s if wall_s else 0.0,
    )


def _sum_by_stage(seconds: Sequence[Mapping[str, float]]) -> dict[str, float]:
    stages = sorted({stage for file in seconds for stage in file})
    return {stage: sum(file.get(stage, 0.0) for file in seconds) for stage in stages}
