"""The sandbox runner and misbehaving child processes."""

import sys

import pytest

from bento.errors import AnalysisCancelledError, AnalysisCrashedError
from bento.sandbox.protocol import AnalysisTask, Ready
from bento.sandbox.runner import SandboxedAnalyzer, media_limits
from bento.settings import ServiceSettings
from unmask.errors import BundleError, MediaError

READY = Ready(model_sha256="0" * 64).to_line()
SEND_GARBAGE = f"""
import os, sys
socket = int(sys.argv[1])
os.write(socket, {READY!r})
os.read(socket, 1 << 16)
os.write(socket, b"not json\\n")
"""


def make_task(tmp_path, text, settings):
    path = tmp_path / "upload"
    path.write_text(text)
    return AnalysisTask(path=path, shown_as="a.mp4", limits=media_limits(settings))


def test_invalid_message_counts_as_a_crash(tmp_path):
    settings = ServiceSettings(folder=tmp_path)
    analyzer = SandboxedAnalyzer(settings, (sys.executable, "-c", SEND_GARBAGE))
    with pytest.raises(AnalysisCrashedError, match="invalid message") as caught:
        analyzer.run(make_task(tmp_path, "ok", settings))
    assert (caught.value.kind, caught.value.retryable) == ("crash", True)


def test_child_that_exits_while_loading_is_a_bundle_error(tmp_path):
    settings = ServiceSettings(folder=tmp_path)
    analyzer = SandboxedAnalyzer(settings, (sys.executable, "-c", "exit(3)"))
    with pytest.raises(BundleError, match="exit code 3"):
        analyzer.start()


def test_report_errors_and_cancellation_of_a_task(tmp_path, analyzer):
    settings = ServiceSettings()
    report = analyzer.run(make_task(tmp_path, "real", settings))
    assert (report.verdict, report.media.file) == ("real", "a.mp4")
    with pytest.raises(MediaError, match=r"a.mp4: is broken"):
        analyzer.run(make_task(tmp_path, "refuse is broken", settings))
    with pytest.raises(AnalysisCancelledError):
        analyzer.run(make_task(tmp_path, "sleep 60", settings), lambda *_: False)
    assert analyzer.run(make_task(tmp_path, "ok", settings)).verdict == "fake"
