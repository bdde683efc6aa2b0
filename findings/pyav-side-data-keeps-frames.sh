#!/usr/bin/env bash
# In PyAV a frame whose side data was looked at stays in memory until the garbage collector runs.
#
# Expected: A decoded frame that nobody refers to any more is freed at once, as every frame is whose
#           side data was not asked for. Looking for a display matrix changes nothing of that.
# Seen:     `frame.side_data` makes the frame and a container refer to each other. All 100 frames of
#           a video are alive after a loop that keeps none. Without the access, or with a container
#           that is made beside the frame, none is.
# Matters:  Python's collector counts objects, not bytes, so it comes late: a hundred frames of
#           1280 x 720 are 140 MB, and the decoder's buffers cannot be used again. Code that turns
#           video upright looks at the side data of every frame.
# Remedy:   `av.sidedata.sidedata.SideDataContainer(frame)`, which the frame does not know of.
#
# Installs about 60 MB. Takes a few seconds.

set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python="$work/venv/bin/python"

"${PYTHON:-python3}" -m venv "$work/venv" || exit 2
"$python" -m pip install --quiet --disable-pip-version-check av==18.1.0 numpy==1.26.4 || exit 2

cat > "$work/frames.py" <<'PYTHON'
"""Decode a video in three ways; count the frames that are alive afterwards."""

import gc
import sys
from pathlib import Path

import av
import numpy as np
from av.sidedata.sidedata import SideDataContainer

FRAMES = 100
WAYS = {
    "no access": lambda frame: None,
    "frame.side_data": lambda frame: list(frame.side_data),
    "SideDataContainer(frame)": lambda frame: list(SideDataContainer(frame)),
}


def write_video(path):
    """Write grey frames."""
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=25, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 320, 240, "yuv420p"
        for number in range(FRAMES):
            grey = np.full((240, 320, 3), number, np.uint8)
            out.mux(stream.encode(av.VideoFrame.from_ndarray(grey, format="rgb24")))
        out.mux(stream.encode(None))


def alive():
    """Return how many frames there are."""
    return sum(isinstance(item, av.VideoFrame) for item in gc.get_objects())


def count_left(path, look):
    """Return how many frames more there are after a loop that keeps none."""
    before = alive()
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            look(frame)
        del frame
    return alive() - before


def main():
    path = Path(sys.argv[1]) / "video.mkv"
    print("PyAV", av.__version__, "Python", sys.version.split()[0])
    write_video(path)
    left = {}
    for name, look in WAYS.items():
        gc.collect()
        gc.disable()
        left[name] = count_left(path, look)
        gc.enable()
        print(f"{name}: {left[name]} of {FRAMES} frames are still alive")
    if list(left.values()) != [0, FRAMES, 0]:
        print("CHANGED: expected 0, all and 0")
        sys.exit(1)
    print("UNCHANGED: frames whose side data was looked at stay in memory")


main()
PYTHON

"$python" "$work/frames.py" "$work"
