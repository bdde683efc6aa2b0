"""Only native log lines are dropped, and only inside the block."""

import subprocess
import sys

LOG = """
import logging, os, sys
from unmask.cli.logging_setup import configure_logging
from unmask.native_stderr import suppress_native_stderr

configure_logging("warning")
log = logging.getLogger("unmask.test")
os.write(2, b"native before\\n")
try:
    with suppress_native_stderr():
        os.write(2, b"native inside\\n")
        print("python inside", file=sys.stderr)
        log.warning("log inside")
        with suppress_native_stderr():
            os.write(2, b"native nested\\n")
            print("python nested", file=sys.stderr)
        os.write(2, b"native inside again\\n")
        raise ValueError
except ValueError:
    pass
os.write(2, b"native after\\n")
print("python after", file=sys.stderr)
log.warning("log after")
"""

REPLACED = """
import io, os, sys
from unmask.native_stderr import suppress_native_stderr

sys.stderr = io.StringIO()
with suppress_native_stderr():
    os.write(2, b"native inside\\n")
    print("python inside", file=sys.stderr)
os.write(2, sys.stderr.getvalue().encode())
"""


def stderr_of(script):
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return run.stderr


def test_native_lines_are_dropped_and_python_lines_are_kept():
    output = stderr_of(LOG)
    for line in ("native before", "python inside", "log inside", "python nested", "native after"):
        assert line in output
    assert "python after" in output
    assert "log after" in output
    assert "native inside" not in output
    assert "native nested" not in output


def test_native_lines_are_dropped_where_python_writes_elsewhere():
    assert stderr_of(REPLACED) == "python inside\n"
