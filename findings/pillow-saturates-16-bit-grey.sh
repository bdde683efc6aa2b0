#!/usr/bin/env bash
# Pillow turns a grey 16-bit picture into white when it is converted to L or RGB.
#
# Expected: `convert("L")` and `convert("RGB")` scale 16 bits to 8, as Pillow does while reading 16-bit
#           colour, and as OpenCV does for grey.
# Seen:     Values are cut off at 255, that is, at 0.4 % of the range: everything but black becomes
#           white. A 16-bit PNG in colour is scaled. There is no warning.
# Matters:  A picture of a scanner, a depth camera or scientific instrument is judged as a white area.
# Remedy:   For the modes that begin with I;16, divide by 257 in NumPy before.
#
# Installs about 100 MB. Takes a few seconds.

set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python="$work/venv/bin/python"

"${PYTHON:-python3}" -m venv "$work/venv" || exit 2
"$python" -m pip install --quiet --disable-pip-version-check \
    numpy==2.2.6 opencv-python-headless==4.12.0.88 pillow==13.0.0 || exit 2

cat > "$work/depth.py" <<'PYTHON'
"""Write a ramp of 16 bits in grey and in colour; read its middle as 8 bits."""

import sys
from pathlib import Path

import cv2
import numpy as np
import PIL
from PIL import Image

GREY = {"convert L": 255, "convert RGB": 255, "OpenCV": 128}
COLOUR = {"convert L": 128, "convert RGB": 128, "OpenCV": 128}


def main():
    print("Pillow", PIL.__version__, "OpenCV", cv2.__version__)
    ramp = np.tile(np.linspace(0, 65_535, 65).round().astype(np.uint16), (8, 1))
    changed = False
    for name, image, documented in (
        ("grey", ramp, GREY),
        ("colour", np.stack([ramp] * 3, axis=-1), COLOUR),
    ):
        path = Path(sys.argv[1]) / f"{name}.png"
        cv2.imwrite(str(path), image)
        picture = Image.open(path)
        rows = {
            "convert L": np.array(picture.convert("L"))[0],
            "convert RGB": np.array(picture.convert("RGB"))[0, :, 1],
            "OpenCV": cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)[0],
        }
        for label, row in rows.items():
            print(f"{name}, mode {picture.mode}, {label}: {row[::16].tolist()}")
            changed |= abs(int(row[32]) - documented[label]) > 1
    if changed:
        sys.exit("CHANGED: see the values above")
    print("UNCHANGED: Pillow saturates grey pictures of 16 bits")


main()
PYTHON

"$python" "$work/depth.py" "$work"
