"""`unmask experiment release`."""

import pytest
from typer.testing import CliRunner

from tests.evaluation.test_release_gates import table
from tests.factories import make_model_settings
from unmask.cli.app import app
from unmask.config import PreprocessingSettings
from unmask.evaluation.serialization import save
from unmask.models.bundle import EXPERIMENTAL, Bundle, load_bundle, save_bundle
from unmask.models.calibration.platt import Calibration
from unmask.models.detector import Detector


@pytest.fixture
def bundle(tmp_path):
    detector = Detector(make_model_settings()).eval()
    marked = {EXPERIMENTAL: "It missed a gate of an earlier report."}
    made = Bundle((detector,), PreprocessingSettings(), Calibration(), 1, "field", marked)
    save_bundle(tmp_path / "bundle", made)
    return tmp_path / "bundle"


@pytest.mark.parametrize(
    ("changes", "experimental"),
    [
        ({}, ""),
        (
            {"face_swap": (0.7, 0.5), "voice": (0.6, 0.5)},
            "On sources that it never saw it missed: face swap: AUC 0.70, required 0.85; "
            "voice: AUC 0.60, required 0.70.",
        ),
    ],
)
def test_a_missed_gate_makes_the_released_bundle_experimental(
    bundle, tmp_path, changes, experimental
):
    report = save(table(**changes), tmp_path / "report.json")
    out = tmp_path / "released"
    arguments = [str(bundle), "--report", str(report), "--out", str(out)]
    result = CliRunner().invoke(app, ["experiment", "release", *arguments])
    assert result.exit_code == 0, result.output
    assert ("all release gates passed" in result.output) is (not experimental)
    released = load_bundle(out)
    assert released.experimental == experimental
    assert released.sha256 in result.output
