"""Measures the facts of media files that may give a label away."""

from unmask.evaluation.file_facts import FileFacts
from unmask.preprocessing.media.audio_tracks import audio_stream
from unmask.preprocessing.media.container import open_container
from unmask.records import Clip


def measure_file_facts(clip: Clip) -> FileFacts:
    """Return the facts of a clip's file; the sound is that of the track that is listened to.

    Raises:
        MediaError: The file cannot be opened.
    """
    with open_container(clip.path) as container:
        audio = audio_stream(container)
        sample_rate_hz = int(audio.rate) if audio is not None and clip.has_audio else 0
        name = str(container.format.name)
    bits = 8 * clip.path.stat().st_size
    return FileFacts(
        width=clip.width,
        height=clip.height,
        fps=clip.fps,
        duration_s=clip.duration_s,
        bits_per_s=bits / clip.duration_s if clip.duration_s else 0.0,
        sample_rate_hz=sample_rate_hz,
        container=name,
    )
