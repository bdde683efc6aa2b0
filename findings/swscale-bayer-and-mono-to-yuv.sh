#!/usr/bin/env bash
# swscale converts raw Bayer and 1-bit pictures to YUV wrongly; through RGB or grey it is right.
#
# Expected: Converting a picture to yuv420p directly gives what its conversion to rgb24 or gray, and
#           from there to yuv420p, gives, except for rounding.
# Seen:     From Bayer formats, red and blue have exchanged weights: a red area gets the luma of
#           blue (50 instead of 79), and its chroma is off by 14. From monow and monob, white is 255
#           and black 0, of full range, where limited range has 235 and 16; and that even if limited
#           range is asked for, and the frame says so. There is no warning.
# Matters:  Luma that is read from YUV to be judged or encoded. Industrial cameras record Bayer;
#           1-bit TIFF,
#           PNG and PBM pictures are monow or monob.
# Remedy:   Convert such formats to rgb24, or to gray, first.
#
# Installs about 50 MB. Takes a few seconds.

set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python="$work/venv/bin/python"

"${PYTHON:-python3}" -m venv "$work/venv" || exit 2
"$python" -m pip install --quiet --disable-pip-version-check \
    av==18.1.0 numpy==1.26.4 || exit 2

cat > "$work/convert.py" <<'PYTHON'
"""Convert plain pictures to yuv420p, directly and through another format."""

import sys

import av
import numpy as np

SIZE = 64
COLOURS = {"red": (200, 20, 20), "green": (20, 200, 20), "blue": (20, 20, 200)}
BAYER = ("rggb", "bggr", "gbrg", "grbg")
# (luma, Cb, Cr): directly and through RGB
DOCUMENTED = {
    "red": ((50, 115, 207), (79, 101, 207)),
    "green": ((123, 61, 75), (124, 75, 62)),
    "blue": ((79, 207, 101), (51, 207, 115)),
}
DOCUMENTED_MONO = {"white": (255, 235), "black": (0, 16)}


def make_frame(name, rows):
    """Return a frame of one plane; ``rows`` has the bytes of each row."""
    frame = av.VideoFrame(SIZE, SIZE, name)
    padded = np.zeros((SIZE, frame.planes[0].line_size), np.uint8)
    padded[:, : rows.shape[1]] = rows
    frame.planes[0].update(padded.tobytes())
    return frame


def make_bayer(pattern, colour):
    """Return a plain picture as a sensor with this pattern records it."""
    rows = np.zeros((SIZE, SIZE), np.uint8)
    for place, channel in enumerate(pattern):
        rows[place // 2 :: 2, place % 2 :: 2] = colour["rgb".index(channel)]
    return make_frame(f"bayer_{pattern}8", rows)


def middle(frame):
    """Return luma, Cb and Cr in the middle of a yuv420p frame."""
    planes = [np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size) for plane in frame.planes]
    return tuple(int(plane[len(plane) // 2, SIZE // 4]) for plane in planes)


def main():
    print("PyAV", av.__version__, "libswscale", av.library_versions["libswscale"])
    changed = False
    limited = {"format": "yuv420p", "dst_color_range": "MPEG"}
    for pattern in BAYER:
        for name, colour in COLOURS.items():
            frame = make_bayer(pattern, colour)
            direct = middle(frame.reformat(**limited))
            through = middle(frame.reformat(format="rgb24").reformat(**limited))
            print(f"{pattern}, {name}: (Y, Cb, Cr) direct {direct}, through rgb24 {through}")
            changed |= (direct, through) != DOCUMENTED[name]
    for kind, white in (("monow", 0), ("monob", 255)):
        for name, byte in (("white", white), ("black", 255 - white)):
            frame = make_frame(kind, np.full((SIZE, SIZE // 8), byte, np.uint8))
            converted = frame.reformat(**limited)
            direct = middle(converted)[0]
            through = middle(frame.reformat(format="gray").reformat(**limited))[0]
            print(
                f"{kind}, {name}: Y direct {direct}, tagged {converted.color_range}, "
                f"through gray {through}"
            )
            changed |= (direct, through) != DOCUMENTED_MONO[name]
            changed |= converted.color_range != av.video.reformatter.ColorRange.MPEG
    if changed:
        sys.exit("CHANGED: see the lines above")
    print("UNCHANGED: Bayer and 1-bit pictures are converted to YUV wrongly")


main()
PYTHON

"$python" "$work/convert.py"
