#!/usr/bin/env bash
# soundfile returns damaged samples for the first 80 ms after a seek in an MP3.
#
# Expected: `soundfile.read(path, start=k)` gives the same samples as reading all and cutting at k.
# Seen:     The place is right, but the first 3,400 to 3,900 samples of a tone at 48 kHz differ, by
#           as much as the tone is loud. An MP3 frame needs bits of frames before it, which are not
#           decoded. No error is raised; libmpg123 may print a line. From the start of the file, and
#           in FLAC and Ogg Opus, all samples agree.
# Matters:  Random excerpts for training, and windows of a long recording, begin with a sound that
#           the recording does not have. A detector of cuts or of synthesis finds it.
# Remedy:   Read some thousand samples more before the excerpt and drop them, or decode all.
#
# Installs about 50 MB. Takes a few seconds.

set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python="$work/venv/bin/python"

"${PYTHON:-python3}" -m venv "$work/venv" || exit 2
"$python" -m pip install --quiet --disable-pip-version-check \
    numpy==1.26.4 soundfile==0.14.0 || exit 2

cat > "$work/seek.py" <<'PYTHON'
"""Write a tone in several formats; compare excerpts with the same part of the whole."""

import sys
from pathlib import Path

import numpy as np
import soundfile

RATE_HZ, PADDING, LENGTH = 48_000, 8_000, 8_000
STARTS = (0, 100_000, 200_001, 300_000)
FORMATS = (("mp3", "MP3", None), ("flac", "FLAC", None), ("opus", "OGG", "OPUS"))


def count_damaged(path, whole, start, before):
    """Return how many samples of an excerpt differ, and by how much at most."""
    excerpt, _ = soundfile.read(path, start=start - before, frames=before + LENGTH)
    difference = np.abs(excerpt[before:] - whole[start : start + LENGTH])
    return int((difference > 1e-3).sum()), float(difference.max())


def main():
    print("soundfile", soundfile.__version__, soundfile.__libsndfile_version__)
    tone = 0.3 * np.sin(2 * np.pi * 440 * np.arange(10 * RATE_HZ) / RATE_HZ)
    seen = {}
    for suffix, container, codec in FORMATS:
        path = Path(sys.argv[1]) / f"tone.{suffix}"
        soundfile.write(path, tone, RATE_HZ, format=container, subtype=codec)
        whole, _ = soundfile.read(path)
        for label, before in (("", 0), (" with padding", PADDING)):
            for start in STARTS:
                count, most = count_damaged(path, whole, start, min(before, start))
                print(f"{suffix}{label}, from {start}: {count} samples differ, by up to {most:.4f}")
                if start:
                    seen.setdefault(suffix + label, []).append(count > 1_000 and most > 0.1)
                elif count:
                    sys.exit("CHANGED: the start of the file differs")
    if not all(seen.pop("mp3")) or any(sum(seen.values(), [])):
        sys.exit("CHANGED: see the numbers above")
    print("UNCHANGED: the first samples after a seek in an MP3 are damaged")


main()
PYTHON

"$python" "$work/seek.py" "$work"
