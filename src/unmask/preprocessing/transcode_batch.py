"""Transcoding and preprocessing of many clips in parallel."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from unmask.config import PreprocessingSettings
from unmask.config.codec_conditions import CodecCondition
from unmask.errors import describe_problem
from unmask.preprocessing.cache import Cache
from unmask.preprocessing.parallel import run_parallel
from unmask.preprocessing.prepare import prepare_clip
from unmask.preprocessing.transcode import TranscodedClip, transcode
from unmask.records import Clip


@dataclass(frozen=True, slots=True)
class TranscodeResult:
    """Result for one clip under one codec condition.

    Attributes:
        condition: Name of the condition.
        transcoded: ``None`` if the clip has no stream that the condition changes.
        error: Why the clip could not be transcoded or preprocessed; empty on success.
    """

    condition: str
    clip_id: str
    transcoded: TranscodedClip | None = None
    error: str = ""


def transcode_clips(
    clips: Sequence[Clip],
    conditions: Sequence[CodecCondition],
    settings: PreprocessingSettings,
    cache: Cache,
    jobs: int = 2,
) -> Iterator[TranscodeResult]:
    """Transcode and preprocess every clip under every condition into the cache.

    An interrupted run resumes with what is missing. A progress bar is shown on a terminal.

    Args:
        jobs: Number of worker processes.

    Yields:
        One result per clip and condition, condition by condition.
    """
    cache.purge_partials()
    calls = [(clip, condition, settings, cache) for condition in conditions for clip in clips]
    yield from run_parallel(_transcode_and_prepare, calls, jobs, "codecs", _report_crash)


def _transcode_and_prepare(
    clip: Clip, condition: CodecCondition, settings: PreprocessingSettings, cache: Cache
) -> TranscodeResult:
    """Process one clip under one condition, in a worker process."""
    try:
        transcoded = transcode(clip.path, condition, cache)
        prepare_clip(clip.path if transcoded is None else transcoded.path, settings, cache)
    except Exception as error:  # a bug that one clip triggers must not stop the whole batch
        message = describe_problem(clip.path, error)
        return TranscodeResult(condition.name, clip.clip_id, error=message)
    return TranscodeResult(condition.name, clip.clip_id, transcoded)


def _report_crash(
    clip: Clip, condition: CodecCondition, _settings: PreprocessingSettings, _cache: Cache
) -> TranscodeResult:
    message = f"{clip.path}: {condition.name} crashed its worker process; export the file again"
    return TranscodeResult(condition.name, clip.clip_id, error=message)
