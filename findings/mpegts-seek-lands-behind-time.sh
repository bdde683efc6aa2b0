#!/usr/bin/env bash
# In MPEG-TS, seeking backward to a time gives a first frame up to a second after that time.
#
# Expected: `seek(t, backward=True)` goes to a key frame at or before t, as its manual says, so that
#           decoding on from there reaches the frame at t.
# Seen:     MPEG-TS has no index. FFmpeg looks for a packet near t, key frame or not, and the
#           decoder drops what it cannot decode up to the next key frame. With B-frames and a key
#           frame a second, each of 20 first frames is after t, by up to about a second. At the end
#           no frame comes at all. MP4 and Matroska with the same stream: none is after t.
# Matters:  Cut-outs of a flagged second and frames that are sampled by seeking show another moment,
#           or nothing, for recordings of television and HLS segments. Nothing warns.
# Remedy:   Compare the first frame's time with t and seek again, further back by more than the
#           distance of key frames; or decode from the start.
#
# Installs about 50 MB. Takes a few seconds.

set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python="$work/venv/bin/python"

"${PYTHON:-python3}" -m venv "$work/venv" || exit 2
"$python" -m pip install --quiet --disable-pip-version-check \
    av==18.1.0 numpy==1.26.4 || exit 2

cat > "$work/seek.py" <<'PYTHON'
"""Seek the same stream to many times in three containers; compare the first frame's time."""

import logging
import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

FPS, LENGTH_S = 25, 11
TIMES_S = tuple(0.5 * number for number in range(20))
NEAR_END_S = 10.5
OPTIONS = {"bf": "2", "g": str(FPS), "sc_threshold": "0"}
# container: (first frames after the time, whether one comes near the end)
DOCUMENTED = {"mp4": (0, True), "mkv": (0, True), "ts": (20, False)}


def write_film(path):
    """Write a film with B-frames and a key frame each second."""
    with av.open(str(path), "w") as target:
        stream = target.add_stream("libx264", rate=FPS, options=OPTIONS)
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        for number in range(FPS * LENGTH_S):
            grey = np.full((64, 64), 16 + number % 200, np.uint8)
            frame = av.VideoFrame.from_ndarray(grey, format="gray").reformat(format="yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            target.mux(stream.encode(frame))
        target.mux(stream.encode(None))


def first_time(path, time_s):
    """Return the time of the first frame after seeking backward to a time, if one comes."""
    with av.open(str(path)) as source:
        stream = source.streams.video[0]
        source.seek(round(time_s / stream.time_base), backward=True, stream=stream)
        frame = next(source.decode(stream), None)
        return frame.time if frame is not None else None


def main():
    logging.getLogger("libav").setLevel(logging.CRITICAL)
    print("PyAV", av.__version__, "libavformat", av.library_versions["libavformat"])
    changed = False
    for suffix, documented in DOCUMENTED.items():
        path = Path(sys.argv[1]) / f"film.{suffix}"
        write_film(path)
        with av.open(str(path)) as source:
            start_s = next(source.decode(video=0)).time
        off = [first_time(path, start_s + time_s) - start_s - time_s for time_s in TIMES_S]
        late = [value for value in off if value > 1e-3]
        at_end = first_time(path, start_s + NEAR_END_S)
        print(
            f"{suffix}: {len(late)} of {len(off)} first frames after the time, by up to "
            f"{max(late, default=0):.2f} s; near the end {'a' if at_end else 'no'} frame"
        )
        changed |= (len(late), at_end is not None) != documented
    if changed:
        sys.exit("CHANGED: see the numbers above")
    print("UNCHANGED: seeking backward in MPEG-TS lands behind the time")


main()
PYTHON

"$python" "$work/seek.py" "$work"
