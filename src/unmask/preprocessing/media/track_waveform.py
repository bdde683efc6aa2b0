"""Decoding of one audio stream to a 16 kHz mono waveform, with PyAV."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unmask.errors import MediaError
from unmask.preprocessing.media.audio_runs import JITTER_S, OFFSET_SAMPLES, AudioRun, RunDecoder
from unmask.preprocessing.media.container import open_container, start_time_s
from unmask.preprocessing.media.decode import decode_stream
from unmask.preprocessing.media.downmix import Downmix, MixPlan
from unmask.records import RATE_HZ, Waveform

MAX_DURATION_S = 12 * 3600.0  # a time stamp beyond it is damaged; silence up to it fills the memory

Names = tuple[str, ...]  # of the channels
Mixes = dict[Names, Downmix]


def read_track(
    container: Any, stream: Any, path: Path, until_s: float = math.inf
) -> Waveform | None:
    """Decode an audio stream, mixed down to 16 kHz mono; ``None`` if no sound of it decodes.

    Sample 0 is at time 0 of :func:`unmask.preprocessing.media.frames.iter_frames`. All sound is
    at its own timestamps: holes are silence, and where two parts overlap, the first is kept.

    Args:
        container: The open container, of which nothing has been read.
        until_s: Decode up to this time.

    Raises:
        MediaError: The sound has too many channels or timestamps beyond ``MAX_DURATION_S``, or
            cannot be converted.
    """
    runs, mixes = _read_runs(container, stream, path, until_s, {})
    plans: dict[Names, MixPlan] = {}
    while better := {names: plan for names, mix in mixes.items() if (plan := mix.better_plan())}:
        plans |= better
        with open_container(path) as reopened:  # rare, so the file is read again
            stream = reopened.streams[stream.index]
            runs, mixes = _read_runs(reopened, stream, path, until_s, plans)
    return _join(runs, path)


def _read_runs(
    container: Any,
    stream: Any,
    path: Path,
    until_s: float,
    plans: Mapping[Names, MixPlan],
) -> tuple[list[AudioRun], Mixes]:
    """Decode the parts of the sound without a hole, in the order of the file.

    Args:
        plans: Weights of the channels, where they are not those of their roles.
    """
    runs: list[AudioRun] = []
    mixes: Mixes = {}
    decoder: RunDecoder | None = None
    zero_s = start_time_s(container)
    for frame in decode_stream(container, stream, path):
        time_s = None if frame.time is None else frame.time - zero_s
        if time_s is not None and time_s >= until_s:
            break
        if decoder is None or not decoder.continues(frame, time_s):
            if decoder is not None:
                runs.append(decoder.finish())
            decoder = RunDecoder(frame, time_s, path, mixes, plans)
        decoder.add(frame)
    if decoder is not None:
        runs.append(decoder.finish())
    return runs, mixes


def _join(runs: list[AudioRun], path: Path) -> Waveform | None:
    """Place the runs at their times."""
    places: list[tuple[int, NDArray[np.float32]]] = []
    holes: list[tuple[int, int]] = []
    end = 0
    for run in runs:
        start = end if run.start_s is None else round(run.start_s * RATE_HZ)
        if end and abs(start - end) < OFFSET_SAMPLES:
            start = end
        samples = run.samples[max(end - start, 0) :]
        start = max(start, end)
        if not len(samples):
            continue
        if start - end > JITTER_S * RATE_HZ:
            holes.append((end, start))
        places.append((start, samples * np.float32(run.mix.gain())))
        end = start + len(samples)
        if end > MAX_DURATION_S * RATE_HZ:
            raise MediaError(
                f"{path}: has sound at {end / RATE_HZ:.0f} s; the limit is {MAX_DURATION_S:.0f} s, "
                "trim the file or export it again"
            )
    if not end:
        return None
    joined = np.zeros(end, np.float32)
    for start, samples in places:
        np.clip(samples, -1.0, 1.0, out=joined[start : start + len(samples)])
    return Waveform(joined, missing_spans_s=np.array(holes, np.float64).reshape(-1, 2) / RATE_HZ)
