#!/usr/bin/env bash
# imageio with its FFmpeg plugin returns repeated frames of films of variable rate.
#
# Expected: Reading all frames gives each frame of the film once, as with the PyAV plugin; their
#           number is the one that `count_frames_and_secs` of imageio-ffmpeg gives.
# Seen:     The plugin lets the FFmpeg program write raw frames, and this brings the film to a constant
#           rate. For 100 frames that are 20 or 90 ms apart, 405 are returned, three of four equal
#           to the one before. The stated rate is that of the 100 frames. A film of constant
#           rate is read rightly.
# Matters:  The time of a frame, its number divided by the stated rate, is wrong: the film seems to
#           last four times as long. A check for frozen pictures finds one.
# Remedy:   Pass output_params=["-fps_mode", "passthrough"], or use the plugin pyav.
#
# Installs about 150 MB. Takes a few seconds.

set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python="$work/venv/bin/python"

"${PYTHON:-python3}" -m venv "$work/venv" || exit 2
"$python" -m pip install --quiet --disable-pip-version-check \
    av==18.1.0 numpy==1.26.4 imageio==2.38.1 imageio-ffmpeg==0.8.1 || exit 2

cat > "$work/count.py" <<'PYTHON'
"""Count the frames of films of constant and variable rate in several ways."""

import sys
from fractions import Fraction
from pathlib import Path

import av
import imageio
import imageio.v3 as iio
import imageio_ffmpeg
import numpy as np

FRAMES, MS = 100, Fraction(1, 1000)
STEPS_MS = {"constant": (40,), "variable": (20,) * 7 + (90,) * 3}
PASSTHROUGH = {"output_params": ["-fps_mode", "passthrough"]}
# frames returned, all and different ones; with passthrough; by the plugin pyav; counted
DOCUMENTED = {"constant": (100, 100, 100, 100, 100), "variable": (405, 100, 100, 100, 100)}


def write_film(path, steps_ms):
    """Write frames whose distances repeat; the brightness counts them."""
    with av.open(str(path), "w") as target:
        stream = target.add_stream("libx264", rate=25, options={"bf": "0", "qp": "4"})
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = MS
        time_ms = 0
        for number in range(FRAMES):
            grey = np.full((64, 64), 16 + 2 * number, np.uint8)
            frame = av.VideoFrame.from_ndarray(grey, format="gray").reformat(format="yuv420p")
            frame.pts, frame.time_base = time_ms, MS
            target.mux(stream.encode(frame))
            time_ms += steps_ms[number % len(steps_ms)]
        target.mux(stream.encode(None))


def main():
    print("imageio", imageio.__version__, "imageio-ffmpeg", imageio_ffmpeg.__version__)
    print("FFmpeg", imageio_ffmpeg.get_ffmpeg_version(), "PyAV", av.__version__)
    changed = False
    for name, steps_ms in STEPS_MS.items():
        path = Path(sys.argv[1]) / f"{name}.mp4"
        write_film(path, steps_ms)
        frames = iio.imread(path, plugin="FFMPEG")
        seen = (
            len(frames),
            len(np.unique(frames[:, 32, 32, 0])),
            len(iio.imread(path, plugin="FFMPEG", **PASSTHROUGH)),
            len(iio.imread(path, plugin="pyav")),
            imageio_ffmpeg.count_frames_and_secs(str(path))[0],
        )
        rate = iio.immeta(path, plugin="FFMPEG")["fps"]
        print(
            f"{name}: frames {seen[0]}, different ones {seen[1]}; with passthrough {seen[2]}, "
            f"plugin pyav {seen[3]}; counted {seen[4]}; stated rate {rate}"
        )
        changed |= seen != DOCUMENTED[name]
    if changed:
        sys.exit("CHANGED: see the numbers above")
    print("UNCHANGED: the FFmpeg plugin of imageio repeats frames")


main()
PYTHON

"$python" "$work/count.py" "$work"
