#!/usr/bin/env bash
# Hypothesis with derandomize=True draws other examples when another local module is imported.
#
# Expected: `derandomize=True` makes a test deterministic: its examples depend on the test function,
#           the settings and the version of Hypothesis, so a test gives the same result alone and in
#           the whole suite.
# Seen:     Hypothesis reads the constants out of the source of all local modules that are imported,
#           and draws some of its examples from them. One imported module of numbers and words,
#           which nothing uses, changes what the same test draws; repeated runs agree. A module
#           without constants, and one in site-packages, change nothing.
# Matters:  A test in CI that is meant to be repeatable fails in the suite and passes alone, or
#           fails after a constant changed in a module that it does not test.
# Remedy:   Keep a failing example with `@example`. To repeat a failure, run the same set of tests,
#           or the blob that `print_blob` prints.
#
# Installs about 10 MB. Takes a few seconds.

set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python="$work/venv/bin/python"

"${PYTHON:-python3}" -m venv "$work/venv" || exit 2
"$python" -m pip install --quiet --disable-pip-version-check \
    hypothesis==6.170.15 sortedcontainers==2.4.0 || exit 2

cat > "$work/examples.py" <<'PYTHON'
"""Print a digest of the examples that one test draws after a module was imported."""

import hashlib
import importlib
import sys

from hypothesis import __version__, given, settings
from hypothesis import strategies as st

drawn = []


@settings(derandomize=True, max_examples=200, database=None)
@given(st.integers(), st.floats(), st.text())
def collect(number, real, text):
    """Keep the examples of a test that uses no other module."""
    drawn.append((number, real, text))


if len(sys.argv) > 1:
    importlib.import_module(sys.argv[1])
collect()
print(hashlib.sha256(repr(drawn).encode()).hexdigest()[:10], "Hypothesis", __version__)
PYTHON

packages=$("$python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
echo 'RATES = (44_100, 22_050.5, "a word of another module")' > "$work/constants.py"
cp "$work/constants.py" "$packages/installed_constants.py"
echo 'import sys' > "$work/plain.py"

cd "$work"
for module in "" "" plain installed_constants constants constants; do
    # shellcheck disable=SC2086 # no module is no argument
    echo "${module:-none} $(PYTHONDONTWRITEBYTECODE=1 "$python" examples.py $module)"
done | tee seen.txt

distinct() { grep -E "^($1) " seen.txt | cut -d ' ' -f 2 | sort -u | wc -l; }
if [[ $(distinct 'none|plain|installed_constants') -ne 1 || $(distinct constants) -ne 1 \
    || $(distinct 'none|constants') -ne 2 ]]; then
    echo "CHANGED: see the digests above"
    exit 1
fi
echo "UNCHANGED: the examples depend on the constants of imported local modules"
