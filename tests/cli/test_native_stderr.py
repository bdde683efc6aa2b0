"""Only what native code says is dropped, and only inside the block."""

import subprocess
import sys

SCRIPT = """
import logging, os, sys
from unmask.cli.logging_setup import configure
from unmask.cli.native_stderr import native_silence

configure("warning")
log = logging.getLogger("unmask.test")
os.write(2, b"native before\\n")
try:
    with native_silence():
        os.write(2, b"native inside\\n")
        print("python inside", file=sys.stderr)
        log.warning("log inside")
        raise ValueError
except ValueError:
    pass
os.write(2, b"native after\\n")
print("python after", file=sys.stderr)
log.warning("log after")
"""


def test_native_words_are_dropped_and_ours_are_kept():
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True
    )
    for word in ("native before", "python inside", "log inside", "native after"):
        assert word in done.stderr
    assert "python after" in done.stderr
    assert "log after" in done.stderr
    assert "native inside" not in done.stderr
