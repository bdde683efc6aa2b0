"""Many clips encoded again and prepared, side by side."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from unmask.config import PreprocessingSettings
from unmask.config.codec_conditions import CodecCondition
from unmask.errors import UnmaskError
from unmask.optional_deps import require
from unmask.preprocessing.cache import Cache
from unmask.preprocessing.prepare import prepare_clip
from unmask.preprocessing.transcode import TranscodedClip, transcode
from unmask.records import Clip


@dataclass(frozen=True, slots=True)
class TranscodeResult:
    """One clip under one cell.

    Attributes:
        cell: The cell's name.
        made: ``None`` where there was nothing to change.
        problem: Why it could not be encoded or prepared; empty where it could.
    """

    cell: str
    clip_id: str
    made: TranscodedClip | None = None
    problem: str = ""


def transcode_clips(
    clips: Sequence[Clip],
    cells: Sequence[CodecCondition],
    settings: PreprocessingSettings,
    cache: Cache,
    jobs: int = 2,
) -> Iterator[TranscodeResult]:
    """Encode and prepare every clip under every cell; the cache holds all of it afterwards.

    Killed at any moment and called again, it goes on with what is missing.

    Args:
        jobs: Processes side by side.

    Yields:
        One for each clip and cell, as they are done, with a progress bar on a terminal.
    """
    joblib = require("joblib", extra="media")
    from rich.console import Console
    from rich.progress import track

    cache.purge_partials()
    work = [(clip, cell) for cell in cells for clip in clips]
    if not work:
        return
    pool = joblib.Parallel(n_jobs=min(jobs, len(work)), return_as="generator_unordered")
    done = pool(joblib.delayed(_one)(clip, cell, settings, cache.root) for clip, cell in work)
    console = Console(stderr=True)
    hidden = not console.is_terminal
    yield from track(done, "codecs", len(work), console=console, disable=hidden)


def _one(
    clip: Clip, cell: CodecCondition, settings: PreprocessingSettings, root: Path
) -> TranscodeResult:
    """One clip under one cell, in a worker process."""
    cache = Cache(root)
    try:
        made = transcode(clip.path, cell, cache)
        prepare_clip(clip.path if made is None else made.path, settings, cache)
    except UnmaskError as error:
        return TranscodeResult(cell.name, clip.clip_id, problem=str(error))
    return TranscodeResult(cell.name, clip.clip_id, made)
