#!/usr/bin/env bash
# In PyAV all side data of a JPEG picture with EXIF is out of reach: looking for any of it fails.
#
# Expected: `frame.side_data` gives what PyAV knows, and leaves out or passes on the rest, as FFmpeg
#           adds kinds with every version. Looking for a kind that a frame lacks gives None.
# Seen:     PyAV's list of kinds ends before EXIF. For a frame with one unknown kind, iteration and
#           `side_data.get("DISPLAYMATRIX")` raise ValueError, although the frame has a display
#           matrix, which FFmpeg makes of the EXIF orientation. Without EXIF it works.
# Matters:  Code that turns pictures upright is tested with pictures that have no EXIF. Those of
#           cameras have it, with and without an orientation, and end in an error that no reader of
#           damaged files expects. Motion JPEG video has it too.
# Remedy:   `frame.rotation` works, but does not tell a mirrored picture. Or give the enumeration
#           `av.sidedata.sidedata.Type` a `_missing_` that makes a member of an unknown number, as
#           the second run does.
#
# Installs about 60 MB. Takes a few seconds.

set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python="$work/venv/bin/python"

"${PYTHON:-python3}" -m venv "$work/venv" || exit 2
"$python" -m pip install --quiet --disable-pip-version-check \
    av==18.1.0 numpy==1.26.4 pillow==13.0.0 || exit 2

cat > "$work/exif.py" <<'PYTHON'
"""Write a picture without EXIF and with it; look for the display matrix."""

import sys
from pathlib import Path

import av
import PIL
from av.sidedata.sidedata import Type
from PIL import Image

ORIENTATION, MAKE, QUARTER_TURN = 0x0112, 0x010F, 6
TAGS = {"no EXIF": {}, "EXIF, no orientation": {MAKE: "Maker"}, "EXIF": {ORIENTATION: QUARTER_TURN}}


def write_picture(path, tags):
    """Write a grey JPEG with these EXIF tags."""
    exif = Image.Exif()
    exif.update(tags)
    Image.new("RGB", (64, 48), (90, 90, 90)).save(path, **({"exif": exif} if tags else {}))


def find_matrix(path):
    """Return what happens when the display matrix is looked for, and the rotation."""
    with av.open(str(path)) as source:
        frame = next(source.decode(video=0))
        rotation = frame.rotation
        try:
            matrix = frame.side_data.get("DISPLAYMATRIX")
        except ValueError as error:
            return f"ValueError: {error}", rotation
        return "matrix" if matrix is not None else "None", rotation


def add_kind(kinds, number):
    """Return a member of an enumeration for a number that it does not list."""
    kind = object.__new__(kinds)
    kind._name_, kind._value_ = f"UNKNOWN_{number}", number
    return kind


def main():
    path = Path(sys.argv[1]) / "picture.jpg"
    print("PyAV", av.__version__, "libavutil", av.library_versions["libavutil"])
    print("Pillow", PIL.__version__)
    seen = []
    for label in ("as installed", "unknown kinds added"):
        for content, tags in TAGS.items():
            write_picture(path, tags)
            found, rotation = find_matrix(path)
            print(f"{label}, {content}: {found}; rotation {rotation}")
            seen.append((found.partition(":")[0], rotation))
        Type._missing_ = classmethod(add_kind)
    documented = [
        *(("None", 0), ("ValueError", 0), ("ValueError", -90)),
        *(("None", 0), ("None", 0), ("matrix", -90)),
    ]
    if seen != documented:
        print("CHANGED: expected", documented)
        sys.exit(1)
    print("UNCHANGED: side data of a picture with EXIF cannot be read")


main()
PYTHON

"$python" "$work/exif.py" "$work"
