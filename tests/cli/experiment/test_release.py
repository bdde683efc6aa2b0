"""`unmask experiment release`."""

import json

import pytest
from typer.testing import CliRunner

from tests.evaluation.test_release_gates import table
from tests.factories import make_clip, make_model_settings
from unmask.cli.app import app
from unmask.config import PreprocessingSettings
from unmask.data.manifest import write_manifest
from unmask.evaluation.serialization import save
from unmask.models.bundle import Bundle, load_bundle, save_bundle
from unmask.models.calibration.platt import Calibration
from unmask.models.detector import Detector
from unmask.models.scoring_bundle import EXPERIMENTAL

GATE = {
    **{"name": "auc", "value": 0.9, "limit": 0.8},
    **{"direction": "at least", "level": "required", "passed": True},
}


@pytest.fixture
def bundle(tmp_path):
    detector = Detector(make_model_settings()).eval()
    marked = {EXPERIMENTAL: "It missed a gate of an earlier report."}
    made = Bundle((detector,), PreprocessingSettings(), Calibration(), 1, "field", marked)
    save_bundle(tmp_path / "bundle", made)
    (tmp_path / "bundle/gates.json").write_text(json.dumps({"rows": [GATE], "notes": []}))
    return tmp_path / "bundle"


@pytest.fixture
def footage(tmp_path):
    clips = [
        make_clip(clip_id="a", source="studio", licence="CC BY 4.0"),
        make_clip(clip_id="b", source="web", licence="", is_fake=True, fake_video=True),
    ]
    return write_manifest(clips, tmp_path / "set" / "manifest.csv")


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
    bundle, footage, tmp_path, changes, experimental
):
    report = save(table(**changes), tmp_path / "report.json")
    out = tmp_path / "released"
    options = {"--results": report, "--footage": footage, "--out": out}
    arguments = [str(bundle), *(str(part) for option in options.items() for part in option)]
    result = CliRunner().invoke(app, ["experiment", "release", *arguments])
    assert result.exit_code == 0, result.output
    assert ("all release gates passed" in result.output) is (not experimental)
    released = load_bundle(out)
    assert released.experimental == experimental
    assert released.gates == (GATE,)
    assert released.sha256 in result.output
    card = (out / "MODEL_CARD.md").read_text()
    assert experimental in card
    assert "| face swap | clip |" in card
    assert "| studio | 1 | 0 | CC BY 4.0 |" in card
    assert "| web | 0 | 1 " in card
    assert "| not stated |" in card
