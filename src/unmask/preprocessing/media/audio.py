"""Decoding of a media file's audio to a 16 kHz mono waveform."""

import math
from pathlib import Path

from unmask.preprocessing.media.audio_tracks import audio_stream
from unmask.preprocessing.media.container import open_container
from unmask.preprocessing.media.track_waveform import read_track
from unmask.records import Waveform


def read_waveform(path: Path, until_s: float = math.inf) -> Waveform | None:
    """Decode the audio that is analyzed, mixed down to 16 kHz mono; ``None`` without audio.

    See :func:`unmask.preprocessing.media.audio_tracks.audio_stream` for the choice of the track,
    and :func:`unmask.preprocessing.media.track_waveform.read_track` for its times.

    Args:
        until_s: Decode up to this time.

    Raises:
        MediaError: The file cannot be opened, or its sound cannot be read; see ``read_track``.
    """
    with open_container(path) as container:
        stream = audio_stream(container)
        return None if stream is None else read_track(container, stream, path, until_s)
