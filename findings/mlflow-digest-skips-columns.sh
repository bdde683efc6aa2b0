#!/usr/bin/env bash
# The digest of an MLflow data set does not change with boolean labels, dates or late rows.
#
# Expected: Two data frames that differ in any value are two data sets, and have two digests, by
#           which MLflow stores them and its UI tells runs on other data apart.
# Seen:     mlflow.data.from_pandas hashes the first 10,000 rows, and of their columns those of
#           numbers and those in which every value is a string. A change of a label of type bool, of
#           a date, of a string in a column with a missing one, or of any value in a later row
#           leaves the digest as it was. There is no warning. Of such columns only the names count.
#           Labels 0 and 1 as integers change it.
# Matters:  Genuine and forged swapped, or other splits, with the same digest: MLflow stores one data
#           set, and runs on both look like runs on the same data.
# Remedy:   Give a digest of your own, digest=…, that covers all that identifies the data.
#
# Installs about 150 MB. Takes a minute.

set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python="$work/venv/bin/python"

"${PYTHON:-python3}" -m venv "$work/venv" || exit 2
"$python" -m pip install --quiet --disable-pip-version-check \
    mlflow-skinny==3.17.2 pandas==2.3.3 numpy==1.26.4 || exit 2

cat > "$work/digests.py" <<'PYTHON'
"""Change one value of a data frame at a time, and compare the digests."""

import sys

import mlflow
import pandas as pd

ROWS = 10_001


def make_clips():
    """Return a list of clips with a label, as a data set of forged and genuine videos has it."""
    clips = pd.DataFrame({"path": [f"clip-{number}.mp4" for number in range(ROWS)]})
    clips["label_number"] = clips.index % 2
    clips["label"] = clips["label_number"] == 1
    clips["recorded"] = pd.Timestamp("2026-01-01")
    clips["split"] = pd.Categorical(["train"] * ROWS, ["train", "test"])
    clips["person"] = ["anna"] * (ROWS - 1) + [None]
    return clips


def with_value(column, value, row=0):
    """Return the clips with another value in one place."""
    clips = make_clips()
    clips.loc[row, column] = value
    return clips


def without_labels():
    """Return the clips with every label turned around."""
    clips = make_clips()
    return clips.assign(label=~clips["label"])


CHANGES = {
    "every boolean label turned around": (without_labels(), False),
    "a date": (with_value("recorded", pd.Timestamp("1999-12-31")), False),
    "a category": (with_value("split", "test"), True),
    "a string, another is missing": (with_value("person", "berta"), False),
    "a string in row 10,001": (with_value("path", "other.mp4", ROWS - 1), False),
    "a string in row 1": (with_value("path", "other.mp4"), True),
    "an integer label": (with_value("label_number", 1), True),
    "the name of a date": (make_clips().rename(columns={"recorded": "filmed"}), True),
}


def main():
    """Print which changes the digest shows; exit with 1 where it is not as documented."""
    print(f"MLflow {mlflow.__version__}, pandas {pd.__version__}")
    original, changed = make_clips(), []
    digest = mlflow.data.from_pandas(original, targets="label").digest
    for name, (clips, is_shown) in CHANGES.items():
        assert not clips.equals(original)
        found = mlflow.data.from_pandas(clips, targets="label").digest != digest
        print(f"{name}: {'another digest' if found else 'the same digest'}")
        if found != is_shown:
            changed.append(name)
    if changed:
        print(f"CHANGED: {'; '.join(changed)}")
        sys.exit(1)
    print("UNCHANGED: labels of type bool, dates and late rows leave the digest.")


main()
PYTHON

"$python" "$work/digests.py" 2> /dev/null
