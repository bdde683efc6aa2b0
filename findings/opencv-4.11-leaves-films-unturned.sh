#!/usr/bin/env bash
# OpenCV 4.11 alone does not turn films upright; the versions before and after it do.
#
# Expected: `VideoCapture` turns a film as its display matrix says, as since OpenCV 4.5. A minor
#           release with the same code around it changes no pixel.
# Seen:     In the wheels of 4.10 and 4.12, CAP_PROP_ORIENTATION_AUTO is 1 and a portrait film of a
#           phone is upright. In 4.11 it is 0 and the film lies on its side, with width and height
#           exchanged. Nothing warns. With the property set to 1, 4.11 turns it as well.
# Matters:  4.11 is the last version that accepts NumPy 1, so projects with NumPy 1 have it. Faces
#           that lie on their side are not found.
# Remedy:   Set CAP_PROP_ORIENTATION_AUTO after opening, and never rely on its default.
#
# Installs about 300 MB, one version after the other. Takes less than a minute.

set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python="$work/venv/bin/python"

cat > "$work/write.py" <<'PYTHON'
"""Write a film 96 wide and 64 high with the display matrix of a portrait film."""

import struct
import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

ONE, ONE_W = 1 << 16, 1 << 30  # fixed point of a matrix
UPRIGHT = struct.pack(">9i", ONE, 0, 0, 0, ONE, 0, 0, 0, ONE_W)
TURNED = struct.pack(">9i", 0, ONE, 0, -ONE, 0, 0, 0, 0, ONE_W)


def main():
    path = Path(sys.argv[1])
    with av.open(str(path), "w") as target:
        stream = target.add_stream("libx264", rate=25, options={"bf": "0"})
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        for number in range(5):
            grey = np.full((64, 96), 90, np.uint8)
            frame = av.VideoFrame.from_ndarray(grey, format="gray").reformat(format="yuv420p")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            target.mux(stream.encode(frame))
        target.mux(stream.encode(None))
    content = path.read_bytes()
    place = content.index(UPRIGHT, content.index(b"tkhd"))
    path.write_bytes(content[:place] + TURNED + content[place + len(TURNED) :])


main()
PYTHON

cat > "$work/read.py" <<'PYTHON'
"""Print the version, the default of the property, and the shape by default and with it set."""

import sys

import cv2

capture = cv2.VideoCapture(sys.argv[1])
default = capture.get(cv2.CAP_PROP_ORIENTATION_AUTO)
image = capture.read()[1]
capture = cv2.VideoCapture(sys.argv[1])
capture.set(cv2.CAP_PROP_ORIENTATION_AUTO, 1)
turned = capture.read()[1]
shapes = [f"{i.shape[1]}x{i.shape[0]}" for i in (image, turned)]
print(cv2.__version__, f"default {default:.0f}, shown {shapes[0]}, with the property {shapes[1]}")
PYTHON

"${PYTHON:-python3}" -m venv "$work/venv" || exit 2
"$python" -m pip install --quiet --disable-pip-version-check \
    av==18.1.0 numpy==2.2.6 || exit 2
"$python" "$work/write.py" "$work/film.mp4"
for release in 4.10.0.84 4.11.0.86 4.12.0.88; do
    "$python" -m pip install --quiet --disable-pip-version-check \
        "opencv-python-headless==$release" || exit 2
    "$python" "$work/read.py" "$work/film.mp4"
done | tee "$work/seen.txt"

cat > "$work/documented.txt" <<'TEXT'
4.10.0 default 1, shown 64x96, with the property 64x96
4.11.0 default 0, shown 96x64, with the property 64x96
4.12.0 default 1, shown 64x96, with the property 64x96
TEXT
if ! cmp --silent "$work/seen.txt" "$work/documented.txt"; then
    echo "CHANGED: see the lines above"
    exit 1
fi
echo "UNCHANGED: of these versions, 4.11 alone leaves the film unturned"
