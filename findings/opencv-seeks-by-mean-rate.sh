#!/usr/bin/env bash
# OpenCV seeks as if all frames were equally far apart, so films of variable rate give other frames.
#
# Expected: `set(CAP_PROP_POS_FRAMES, k)` and `read()` give the frame that the k-th `read()` gives
#           from the start. `set(CAP_PROP_POS_MSEC, t)` gives the frame shown at t.
#           CAP_PROP_FRAME_COUNT is the number of frames.
# Seen:     Both places are turned into a time or a number by the mean rate. In a film with 25
#           frames a second at first and 10 later, frame 71 comes for 50, and the frame for one
#           second is that of 0.56 s. In Matroska the count is 174 for 100 frames: the
#           length times the rate. `set` returns True. The same film at a constant rate is read
#           rightly.
# Matters:  Browsers, phones in the dark and screen recorders write variable rates. Frames that are
#           sampled by number, and cut-outs of a flagged second, show another moment than stated,
#           and the lips do not fit the sound.
# Remedy:   Read from the start and use CAP_PROP_POS_MSEC after each `read`, which is right; or seek
#           in PyAV and decode up to the time stamp.
#
# Installs about 150 MB. Takes less than a minute.

set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python="$work/venv/bin/python"

"${PYTHON:-python3}" -m venv "$work/venv" || exit 2
"$python" -m pip install --quiet --disable-pip-version-check \
    av==18.1.0 numpy==2.2.6 opencv-python-headless==4.12.0.88 || exit 2

cat > "$work/write.py" <<'PYTHON'
"""Write films whose brightness counts the frames, at a constant and at a variable rate."""

import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

FRAMES, MS = 100, Fraction(1, 1000)
TIMES_MS = {
    "constant": [40 * number for number in range(FRAMES)],
    "variable": [40 * number + 60 * max(number - 50, 0) for number in range(FRAMES)],
}


def write_film(path, times_ms):
    """Write frames at these times, with a key frame every 12."""
    with av.open(str(path), "w") as target:
        stream = target.add_stream("libx264", rate=25, options={"bf": "0", "g": "12", "qp": "4"})
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = MS
        for number, time_ms in enumerate(times_ms):
            grey = np.full((64, 64), 16 + 2 * number, np.uint8)
            frame = av.VideoFrame.from_ndarray(grey, format="gray").reformat(format="yuv420p")
            frame.pts, frame.time_base = time_ms, MS
            target.mux(stream.encode(frame))
        target.mux(stream.encode(None))


for name, times_ms in TIMES_MS.items():
    for suffix in ("mp4", "mkv"):
        write_film(Path(sys.argv[1]) / f"{name}.{suffix}", times_ms)
PYTHON

cat > "$work/read.py" <<'PYTHON'
"""Compare the frames that OpenCV gives one after the other with those that it seeks."""

import sys
from importlib.metadata import version
from pathlib import Path

import cv2

NUMBERS, TIME_MS = (25, 40, 50, 60, 75), 1000
# film: (frame count, most frames off, time of the frame for one second)
DOCUMENTED = {
    "constant.mp4": (100, 0, 1000),
    "constant.mkv": (100, 0, 1000),
    "variable.mp4": (100, 21, 560),
    "variable.mkv": (174, 2, 1000),
}


def read_frame(capture):
    """Return the brightness in the middle of the next frame, or None."""
    is_read, image = capture.read()
    return int(image[32, 32, 0]) if is_read else None


def seek(path, prop, place):
    """Return the brightness of the frame at a place."""
    capture = cv2.VideoCapture(str(path))
    capture.set(prop, place)
    return read_frame(capture)


def main():
    folder = Path(sys.argv[1])
    print("OpenCV", cv2.__version__, "PyAV", version("av"))
    changed = False
    for name, documented in DOCUMENTED.items():
        path = folder / name
        capture = cv2.VideoCapture(str(path))
        count = round(capture.get(cv2.CAP_PROP_FRAME_COUNT))
        number_of, times_ms = {}, []
        while (brightness := read_frame(capture)) is not None:
            number_of[brightness] = len(times_ms)
            times_ms.append(round(capture.get(cv2.CAP_PROP_POS_MSEC)))
        found = [number_of[seek(path, cv2.CAP_PROP_POS_FRAMES, number)] for number in NUMBERS]
        time_ms = times_ms[number_of[seek(path, cv2.CAP_PROP_POS_MSEC, TIME_MS)]]
        off = max(abs(a - b) for a, b in zip(found, NUMBERS, strict=True))
        print(
            f"{name}: count {count}, read {len(times_ms)}; frames {NUMBERS} give {found}; "
            f"{TIME_MS} ms gives {time_ms} ms"
        )
        changed |= (count, off, time_ms) != documented
    if changed:
        sys.exit("CHANGED: see the numbers above")
    print("UNCHANGED: OpenCV seeks films of variable rate by the mean rate")


main()
PYTHON

"$python" "$work/write.py" "$work"
"$python" "$work/read.py" "$work"
