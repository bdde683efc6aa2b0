"""Choice among the sound tracks of a media file."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from unmask.config import SpeechSettings
from unmask.errors import MissingExtraError
from unmask.optional_deps import require
from unmask.preprocessing.media.container import (
    FileKey,
    decodable_streams,
    file_key,
    open_container,
)
from unmask.preprocessing.media.track_waveform import read_track
from unmask.preprocessing.speech.vad import detect_speech
from unmask.records import SoundTrack

LISTEN_S = 300.0  # of each track, where speech decides
MAX_TRACKS = 8  # that are listened to
UNKNOWN_LANGUAGE = "und"
MAX_LANGUAGE_LETTERS = 16


def audio_stream(container: Any) -> Any:
    """Return the audio stream to analyze, or ``None`` without a decodable one.

    It is the default track. Where a file marks none or several as default, it is the one of them
    with most speech, and the first of equals.

    Args:
        container: As PyAV opened it from a path.

    Raises:
        MediaError: The sound of a track cannot be converted.
    """
    streams = list(decodable_streams(container.streams.audio))
    streams = [stream for stream in streams if _is_default(stream)] or streams
    if len(streams) < 2:
        return next(iter(streams), None)
    key = file_key(Path(container.name))
    return container.streams[_most_speech(key, tuple(stream.index for stream in streams))]


def list_sound_tracks(container: Any, analyzed: Any) -> tuple[SoundTrack, ...]:
    """Return all audio streams of an open container.

    Args:
        analyzed: The stream that is analyzed, or ``None``.
    """
    return tuple(
        SoundTrack(
            index=stream.index,
            codec=stream.codec_context.name if stream.codec_context else None,
            language=_language(stream),
            channels=stream.codec_context.layout.nb_channels if stream.codec_context else 0,
            is_default=_is_default(stream),
            is_analyzed=analyzed is not None and stream.index == analyzed.index,
        )
        for stream in container.streams.audio
    )


@lru_cache(maxsize=64)
def _most_speech(key: FileKey, indices: Sequence[int]) -> int:
    """Return the stream with most speech."""
    return max(indices[:MAX_TRACKS], key=lambda index: _speech_s(key[0], index))


def _speech_s(path: Path, index: int) -> float:
    with open_container(path) as container:
        waveform = read_track(container, container.streams[index], path, LISTEN_S)
    if waveform is None:
        return -1.0
    try:
        spans_s = detect_speech(waveform, SpeechSettings())
    except MissingExtraError:
        spans_s = detect_speech(waveform, SpeechSettings(method="energy"))
    return float((spans_s[:, 1] - spans_s[:, 0]).sum())


def _is_default(stream: Any) -> bool:
    disposition = require("av.stream", extra="media").Disposition
    return bool(stream.disposition & disposition.default)


def _language(stream: Any) -> str | None:
    language: str = stream.metadata.get("language", UNKNOWN_LANGUAGE)[:MAX_LANGUAGE_LETTERS]
    return None if language == UNKNOWN_LANGUAGE else language
