#!/usr/bin/env bash
# FFmpeg drops the encoder's delay of an MP3, but its time stamps still count it.
#
# Expected: The first sample that is returned is at time 0: what the encoder put before it is cut
#           off with its time, as libsndfile does and as FFmpeg does for MP3 in Matroska.
# Seen:     The 1105 samples of delay are cut off, and the first frame has the time 69 ms at 16 kHz
#           (25 ms at 44.1 kHz). A click at 500 ms has the time 569 ms by the time stamps, and 500
#           ms if samples are counted. The number of samples is right in both.
# Matters:  Segments of one reader are compared with those of another; a flagged second is off by
#           more than a picture. Half of a program counts samples and the other half reads time
#           stamps.
# Remedy:   Subtract the start time of the stream. For files of sound alone, count samples.
#
# Installs about 60 MB. Takes a few seconds.

set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python="$work/venv/bin/python"

"${PYTHON:-python3}" -m venv "$work/venv" || exit 2
"$python" -m pip install --quiet --disable-pip-version-check \
    av==18.1.0 numpy==1.26.4 soundfile==0.14.0 || exit 2

cat > "$work/delay.py" <<'PYTHON'
"""Encode a click at half a second as MP3; read its time in several ways."""

import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import soundfile

CLICK_MS, BLOCK = 500, 640
# container and rate: (click by time stamps, click by counted samples) in milliseconds
DOCUMENTED = {
    ("mp3", 16_000): (569, 500),
    ("mp3", 44_100): (525, 500),
    ("mkv", 16_000): (500, 500),
    ("mkv", 44_100): (500, 500),
}


def write_click(path, rate_hz):
    """Write two seconds of silence with a click."""
    samples = np.zeros((1, 2 * rate_hz), np.float32)
    start = rate_hz * CLICK_MS // 1000
    samples[0, start : start + rate_hz // 100] = 0.5 * np.sin(np.arange(rate_hz // 100) / 2)
    with av.open(str(path), "w") as target:
        stream = target.add_stream("libmp3lame", rate=rate_hz)
        stream.layout = "mono"
        for place in range(0, samples.shape[1], BLOCK):
            block = np.ascontiguousarray(samples[:, place : place + BLOCK])
            frame = av.AudioFrame.from_ndarray(block, format="fltp", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = rate_hz, place, Fraction(1, rate_hz)
            target.mux(stream.encode(frame))
        target.mux(stream.encode(None))


def first_loud(samples):
    """Return the number of the first loud sample."""
    return int(np.flatnonzero(np.abs(samples) > 0.2)[0])


def main():
    print("PyAV", av.__version__, "libavformat", av.library_versions["libavformat"])
    print("soundfile", soundfile.__version__, soundfile.__libsndfile_version__)
    changed = False
    for (suffix, rate_hz), documented in DOCUMENTED.items():
        path = Path(sys.argv[1]) / f"click.{suffix}"
        write_click(path, rate_hz)
        with av.open(str(path)) as source:
            frames = [(frame.time, frame.to_ndarray()[0]) for frame in source.decode(audio=0)]
        samples = np.concatenate([block for _, block in frames])
        times = np.concatenate([time + np.arange(len(b)) / rate_hz for time, b in frames])
        place = first_loud(samples)
        seen = (round(times[place] * 1000), round(place * 1000 / rate_hz))
        by_other = ""
        if suffix == "mp3":
            other = soundfile.read(path)[0]
            by_other = f"; libsndfile {first_loud(other) * 1000 / rate_hz:.0f} ms of {len(other)}"
        print(
            f"{suffix}, {rate_hz} Hz: first frame at {frames[0][0] * 1000:.1f} ms; click at "
            f"{seen[0]} ms by time stamps, {seen[1]} ms of {len(samples)} samples{by_other}"
        )
        changed |= seen != documented
    if changed:
        sys.exit("CHANGED: see the numbers above")
    print("UNCHANGED: the time stamps of MP3 count samples that are dropped")


main()
PYTHON

"$python" "$work/delay.py" "$work"
