"""The record states the file, the detector, the settings and the versions that were at work."""

import hashlib
import json
import math
from datetime import UTC, datetime

import pytest

from unmask.errors import BundleError, ConfigError, MediaError
from unmask.serving.custody.record import CustodyRecorder, hash_bundle, state_request


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "a.mp4"
    path.write_bytes(b"content")
    return path


def test_every_file_of_a_bundle_is_hashed(tmp_path):
    (tmp_path / "graphs").mkdir()
    (tmp_path / ".cache").mkdir()
    (tmp_path / "bundle.json").write_text("{}")
    (tmp_path / "graphs" / "a.onnx").write_bytes(b"a")
    (tmp_path / ".cache" / "b").write_bytes(b"b")
    assert hash_bundle(tmp_path) == {
        "bundle.json": hashlib.sha256(b"{}").hexdigest(),
        "graphs/a.onnx": hashlib.sha256(b"a").hexdigest(),
    }


def test_a_bundle_that_cannot_be_read_is_named(tmp_path):
    (tmp_path / "loop").symlink_to("loop")
    assert hash_bundle(tmp_path / "missing") == {}
    unreadable = tmp_path / "bundle"
    unreadable.mkdir()
    (unreadable / "socket").symlink_to("/proc/self/mem")
    with pytest.raises(BundleError, match="cannot be read"):
        hash_bundle(unreadable)


def test_the_record_of_an_analysis(file):
    settings = {"engine": "auto", "side": (1, 2)}
    custody = CustodyRecorder.start(file).finish(settings, {"bundle.json": "1" * 64}, (2.0, 5.0))
    assert (custody.start_s, custody.end_s) == (2.0, 5.0)
    assert custody.settings == {"engine": "auto", "side": [1, 2]}
    content = json.dumps(custody.settings, sort_keys=True, separators=(",", ":"))
    assert custody.settings_sha256 == hashlib.sha256(content.encode()).hexdigest()
    assert custody.bundle_files == {"bundle.json": "1" * 64}
    assert {"unmask", "python", "system", "numpy"} <= set(custody.versions)
    assert custody.started_at <= custody.finished_at <= datetime.now(UTC)
    assert (custody.operator, custody.case_number, custody.received_at) == (None, None, None)


def test_the_end_of_the_file_is_null(file):
    assert CustodyRecorder.start(file).finish({}, {}, (0.0, math.inf)).end_s is None


def test_a_file_that_is_changed_during_the_analysis_is_refused(file):
    recorder = CustodyRecorder.start(file)
    file.write_bytes(b"other content")
    with pytest.raises(MediaError, match=r"a\.mp4: was changed during the analysis"):
        recorder.finish({}, {}, (0.0, math.inf))


def test_a_file_that_is_replaced_by_one_of_the_same_size_is_refused(file, tmp_path):
    recorder = CustodyRecorder.start(file)
    other = tmp_path / "other"
    other.write_bytes(b"CONTENT")
    other.replace(file)
    with pytest.raises(MediaError, match="was changed"):
        recorder.finish({}, {}, (0.0, math.inf))


def test_a_missing_file_is_an_error_before_anything_else(tmp_path):
    with pytest.raises(MediaError, match="does not exist"):
        CustodyRecorder.start(tmp_path / "missing.mp4")


def test_a_request_is_stated(report):
    received_at = datetime(2026, 11, 30, tzinfo=UTC)
    stated = state_request(report, "B", None, received_at).custody
    assert (stated.operator, stated.case_number, stated.received_at) == ("B", None, received_at)
    assert stated.settings == report.custody.settings


def test_a_report_of_an_earlier_release_states_nothing(report):
    old = report.model_copy(update={"custody": None})
    assert state_request(old, "B") is old


@pytest.mark.parametrize("value", ["", "a\nb", "\x1b[31m", "x" * 201, "a\x00", "\x9b"])
def test_a_text_that_cannot_be_recorded_is_refused(report, value):
    with pytest.raises(ConfigError, match="operator"):
        state_request(report, operator=value)
    with pytest.raises(ConfigError, match="case number"):
        state_request(report, case_number=value)
