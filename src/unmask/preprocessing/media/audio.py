"""Decoding of a media file's audio to a 16 kHz mono waveform, with PyAV."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from unmask.optional_deps import require
from unmask.preprocessing.media.container import (
    audio_stream,
    decode_stream,
    open_container,
    start_time_s,
)
from unmask.records import RATE_HZ, Waveform


def read_waveform(path: Path) -> Waveform | None:
    """Decode the audio, mixed down to 16 kHz mono; ``None`` without audio.

    Sample 0 is at time 0 of :func:`unmask.preprocessing.media.frames.iter_frames`; audio that
    starts later is padded with zeros.

    Raises:
        MediaError: The file cannot be opened.
    """
    av = require("av", extra="media")
    blocks: list[NDArray[np.float32]] = []
    with open_container(path) as container:
        stream = audio_stream(container)
        if stream is None:
            return None
        # channels are averaged here: FFmpeg's downmix makes equal channels 3 dB louder than mono
        resampler = av.AudioResampler(format="fltp", layout=None, rate=RATE_HZ)
        for frame in decode_stream(container, stream, path):
            if not blocks:
                delay_s = (frame.time or 0.0) - start_time_s(container)
                blocks.append(np.zeros(max(round(delay_s * RATE_HZ), 0), np.float32))
            frame.pts = None  # the resampler rejects timestamps that are off by one sample
            blocks.extend(block.to_ndarray().mean(axis=0) for block in resampler.resample(frame))
        if blocks:
            blocks.extend(block.to_ndarray().mean(axis=0) for block in resampler.resample(None))
    samples = np.concatenate(blocks) if blocks else np.zeros(0, np.float32)
    return Waveform(np.clip(samples, -1.0, 1.0)) if len(samples) else None
