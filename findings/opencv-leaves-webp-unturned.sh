#!/usr/bin/env bash
# OpenCV up to 4.12 turns JPEG and PNG pictures as their EXIF orientation says, but no WebP.
#
# Expected: `imread` turns pictures by EXIF unless IMREAD_IGNORE_ORIENTATION is given. That holds
#           for every format that it reads and that has EXIF.
# Seen:     In 4.12, a JPEG and a PNG with orientation 6 are turned and a WebP is not. 4.13 turns all
#           three, and Pillow's `exif_transpose` does with each version.
# Matters:  A picture that was converted from JPEG to WebP with its EXIF lies on its side, and no face is
#           found in it.
# Remedy:   Read with IMREAD_IGNORE_ORIENTATION and turn by EXIF yourself, or use Pillow.
#
# Installs about 250 MB, one version after the other. Takes less than a minute.

set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python="$work/venv/bin/python"

cat > "$work/turn.py" <<'PYTHON'
"""Write a picture 64 wide and 48 high that is to be turned, in three formats; print its size."""

import sys
from pathlib import Path

import cv2
import PIL
from PIL import Image, ImageOps

ORIENTATION, QUARTER_TURN = 0x0112, 6

exif = Image.Exif()
exif[ORIENTATION] = QUARTER_TURN
for suffix in ("jpg", "png", "webp"):
    path = Path(sys.argv[1]) / f"picture.{suffix}"
    Image.new("RGB", (64, 48), (90, 90, 90)).save(path, exif=exif)
    height, width = cv2.imread(str(path)).shape[:2]
    by_pillow = ImageOps.exif_transpose(Image.open(path)).size
    print(f"OpenCV {cv2.__version__} {suffix} {width}x{height},", end=" ")
    print(f"Pillow {PIL.__version__}", "x".join(map(str, by_pillow)))
PYTHON

"${PYTHON:-python3}" -m venv "$work/venv" || exit 2
"$python" -m pip install --quiet --disable-pip-version-check \
    numpy==2.2.6 pillow==13.0.0 || exit 2
for release in 4.12.0.88 4.13.0.92; do
    "$python" -m pip install --quiet --disable-pip-version-check \
        "opencv-python-headless==$release" || exit 2
    "$python" "$work/turn.py" "$work"
done | tee "$work/seen.txt"

cat > "$work/documented.txt" <<'TEXT'
OpenCV 4.12.0 jpg 48x64, Pillow 13.0.0 48x64
OpenCV 4.12.0 png 48x64, Pillow 13.0.0 48x64
OpenCV 4.12.0 webp 64x48, Pillow 13.0.0 48x64
OpenCV 4.13.0 jpg 48x64, Pillow 13.0.0 48x64
OpenCV 4.13.0 png 48x64, Pillow 13.0.0 48x64
OpenCV 4.13.0 webp 48x64, Pillow 13.0.0 48x64
TEXT
if ! cmp --silent "$work/seen.txt" "$work/documented.txt"; then
    echo "CHANGED: see the lines above"
    exit 1
fi
echo "UNCHANGED: OpenCV 4.12 does not turn WebP pictures"
