#!/usr/bin/env bash
# OpenCV up to 4.12 decodes every film by BT.601, also one that says BT.709; 4.13 does not.
#
# Expected: `VideoCapture` converts to BGR by the matrix that the film states, as PyAV and players
#           do, and a minor release changes no colour.
# Seen:     In 4.11 and 4.12 the same pixel is (189, 30, 0) whether the film states BT.601, BT.709
#           or nothing. By BT.709 it is (204, 44, 0), as in 4.13. No property tells the matrix or
#           changes it.
# Matters:  All HD film is BT.709, and skin is red. Colours of one reader are judged by a model that
#           was trained on those of another, or of another version.
# Remedy:   Read with PyAV, or convert all films to one matrix first.
#
# Installs about 300 MB, one version after the other. Takes less than a minute.

set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python="$work/venv/bin/python"

cat > "$work/write.py" <<'PYTHON'
"""Write the same luma and chroma with several tags; print how PyAV converts it to RGB."""

import sys
from fractions import Fraction
from pathlib import Path

import av

VALUES = (81, 90, 200)  # Y, Cb, Cr
UNSPECIFIED, BT_709, BT_601 = 2, 1, 5  # ITU-T H.273
TAGS = {"bt601": BT_601, "bt709": BT_709, "none": UNSPECIFIED}

for name, matrix in TAGS.items():
    path = Path(sys.argv[1]) / f"{name}.mp4"
    with av.open(str(path), "w") as target:
        stream = target.add_stream("libx264", rate=25, options={"bf": "0", "qp": "1"})
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        stream.codec_context.colorspace = matrix
        for number in range(3):
            frame = av.VideoFrame(64, 64, "yuv420p")
            for plane, value in zip(frame.planes, VALUES, strict=True):
                plane.update(bytes([value]) * plane.buffer_size)
            frame.colorspace = matrix
            frame.pts, frame.time_base = number, Fraction(1, 25)
            target.mux(stream.encode(frame))
        target.mux(stream.encode(None))
    with av.open(str(path)) as source:
        frame = next(source.decode(video=0))
        print(f"PyAV {av.__version__} {name}:", *frame.to_ndarray(format="rgb24")[32, 32])
PYTHON

cat > "$work/read.py" <<'PYTHON'
"""Print how OpenCV converts the same films."""

import sys
from pathlib import Path

import cv2

for name in ("bt601", "bt709", "none"):
    image = cv2.VideoCapture(str(Path(sys.argv[1]) / f"{name}.mp4")).read()[1]
    print(f"OpenCV {cv2.__version__} {name}:", *image[32, 32, ::-1])
PYTHON

"${PYTHON:-python3}" -m venv "$work/venv" || exit 2
"$python" -m pip install --quiet --disable-pip-version-check \
    av==18.1.0 numpy==2.2.6 || exit 2
"$python" "$work/write.py" "$work" | tee "$work/seen.txt"
for release in 4.11.0.86 4.12.0.88 4.13.0.92; do
    "$python" -m pip install --quiet --disable-pip-version-check \
        "opencv-python-headless==$release" || exit 2
    "$python" "$work/read.py" "$work"
done | tee -a "$work/seen.txt"

cat > "$work/documented.txt" <<'TEXT'
PyAV 18.1.0 bt601: 189 30 0
PyAV 18.1.0 bt709: 204 44 0
PyAV 18.1.0 none: 189 30 0
OpenCV 4.11.0 bt601: 189 30 0
OpenCV 4.11.0 bt709: 189 30 0
OpenCV 4.11.0 none: 189 30 0
OpenCV 4.12.0 bt601: 189 30 0
OpenCV 4.12.0 bt709: 189 30 0
OpenCV 4.12.0 none: 189 30 0
OpenCV 4.13.0 bt601: 189 30 0
OpenCV 4.13.0 bt709: 204 44 0
OpenCV 4.13.0 none: 189 30 0
TEXT
if ! cmp --silent "$work/seen.txt" "$work/documented.txt"; then
    echo "CHANGED: see the lines above"
    exit 1
fi
echo "UNCHANGED: OpenCV before 4.13 ignores the matrix of a film"
