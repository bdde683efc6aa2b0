"""An analyzer that does what a file says, for tests of the processes around it."""

import os
import signal
import time
from pathlib import Path

from unmask.errors import BundleError
from unmask.serving.bulk.row import Row


class ScriptedAnalyzer:
    """Writes a line to a log for each file that it takes."""

    def __init__(self, settings):
        self.settings = settings

    def analyze(self, source):
        text = Path(source.location).read_text()
        with (self.settings.bundle / "log").open("a") as log:
            log.write(f"{os.getpid()} {source.path}\n")
        if "die" in text:
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(float(text.partition("sleep ")[2] or 0))
        verdict = "fake" if "fake" in text else "real"
        return Row(source.path, self.settings.detector, version=source.version, verdict=verdict)


def logged(folder):
    """Return process and path of each file that was taken, in order."""
    log = folder / "log"
    return [line.split(" ", 1) for line in log.read_text().splitlines()] if log.exists() else []


def load(settings):
    return ScriptedAnalyzer(settings)


def fail_to_load(settings):
    raise BundleError(f"{settings.bundle}: damaged; fetch it again")


def die_while_loading(_settings):
    os.kill(os.getpid(), signal.SIGKILL)


def count_threads(_settings):
    raise BundleError(os.environ["MKL_NUM_THREADS"])
