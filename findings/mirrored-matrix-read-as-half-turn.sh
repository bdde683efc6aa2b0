#!/usr/bin/env bash
# OpenCV and PyAV take a mirrored display matrix for a turn; OpenCV shows the film upside down.
#
# Expected: A reader that turns films as the display matrix says mirrors them too. One that can only
#           turn gives angle 0 for a matrix that only mirrors.
# Seen:     Both measure the angle of one axis. A matrix that mirrors left and right gives -180, as
#           a half turn does, and OpenCV shows the film upside down. One that mirrors top and bottom
#           gives 0 and is ignored, so that film is upside down too. Of the eight matrices of EXIF,
#           the four that mirror are shown wrongly; the other four rightly.
# Matters:  Some front cameras and editors write such matrices. No face is found upside down, and
#           left and right are exchanged in what is found.
# Remedy:   Read the nine numbers of the side data DISPLAYMATRIX. The determinant of the first two
#           by two is negative if the film is mirrored. In OpenCV, switch the turning off
#           (CAP_PROP_ORIENTATION_AUTO) first.
#
# Installs about 200 MB. Takes less than a minute.

set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python="$work/venv/bin/python"

"${PYTHON:-python3}" -m venv "$work/venv" || exit 2
"$python" -m pip install --quiet --disable-pip-version-check \
    av==18.1.0 numpy==2.2.6 opencv-python-headless==4.12.0.88 || exit 2

cat > "$work/write.py" <<'PYTHON'
"""Write a film that is bright at its top left, once for each matrix; print PyAV's rotation."""

import struct
import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

ONE, ONE_W = 1 << 16, 1 << 30  # fixed point of a matrix
IDENTITY = struct.pack(">9i", ONE, 0, 0, 0, ONE, 0, 0, 0, ONE_W)


def write_film(path):
    """Write some equal pictures with one bright quarter."""
    picture = np.full((64, 64), 20, np.uint8)
    picture[:32, :32] = 220
    with av.open(str(path), "w") as target:
        stream = target.add_stream("libx264", rate=25, options={"bf": "0"})
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        for number in range(5):
            frame = av.VideoFrame.from_ndarray(picture, format="gray").reformat(format="yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            target.mux(stream.encode(frame))
        target.mux(stream.encode(None))


def main():
    folder = Path(sys.argv[1])
    write_film(folder / "film.mp4")
    content = (folder / "film.mp4").read_bytes()
    place = content.index(IDENTITY, content.index(b"tkhd"))
    for matrix in sys.argv[2:]:
        a, b, c, d = (int(number) * ONE for number in matrix.split(","))
        packed = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, ONE_W)
        path = folder / f"{matrix}.mp4"
        path.write_bytes(content[:place] + packed + content[place + len(packed) :])
        with av.open(str(path)) as source:
            print(matrix, next(source.decode(video=0)).rotation)


main()
PYTHON

cat > "$work/read.py" <<'PYTHON'
"""Say in which corner OpenCV shows the bright quarter, and in which the matrix puts it."""

import sys
from importlib.metadata import version
from pathlib import Path

import cv2

CORNERS = {
    (-1, -1): "top left",
    (1, -1): "top right",
    (-1, 1): "bottom left",
    (1, 1): "bottom right",
}
# matrix: (its name, rotation in PyAV, whether OpenCV is right)
DOCUMENTED = {
    "1,0,0,1": ("upright", 0, True),
    "0,1,-1,0": ("turned by 90", -90, True),
    "-1,0,0,-1": ("turned by 180", -180, True),
    "0,-1,1,0": ("turned by 270", 90, True),
    "-1,0,0,1": ("left and right mirrored", -180, False),
    "1,0,0,-1": ("top and bottom mirrored", 0, False),
    "0,1,1,0": ("mirrored, turned by 90", -90, False),
    "0,-1,-1,0": ("mirrored, turned by 270", 90, False),
}


def shown_corner(path):
    """Return the brightest corner of the first picture that OpenCV gives."""
    capture = cv2.VideoCapture(str(path))
    capture.set(cv2.CAP_PROP_ORIENTATION_AUTO, 1)
    image = capture.read()[1].mean(axis=2)
    return max(CORNERS, key=lambda corner: image[16 + 16 * corner[1], 16 + 16 * corner[0]])


def stated_corner(matrix):
    """Return where the matrix puts the top left."""
    a, b, c, d = (int(number) for number in matrix.split(","))
    return (-a - c, -b - d)


def main():
    folder = Path(sys.argv[1])
    print("PyAV", version("av"), "OpenCV", cv2.__version__)
    rotations = dict(line.split() for line in (folder / "rotations.txt").read_text().splitlines())
    changed = False
    for matrix, (name, *documented) in DOCUMENTED.items():
        shown, stated = shown_corner(folder / f"{matrix}.mp4"), stated_corner(matrix)
        seen = [int(rotations[matrix]), shown == stated]
        print(
            f"{name:24} PyAV rotation {seen[0]:4}; bright corner {CORNERS[shown]}, "
            f"by the matrix {CORNERS[stated]}"
        )
        changed |= seen != documented
    if changed:
        sys.exit("CHANGED: see the lines above")
    print("UNCHANGED: mirrored matrices are taken for turns")


main()
PYTHON

"$python" "$work/write.py" "$work" 1,0,0,1 0,1,-1,0 -1,0,0,-1 0,-1,1,0 -1,0,0,1 1,0,0,-1 0,1,1,0 \
    0,-1,-1,0 > "$work/rotations.txt"
"$python" "$work/read.py" "$work"
