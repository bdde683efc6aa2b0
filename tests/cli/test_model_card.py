"""`unmask model-card` on a bundle, and the page for detectors of several kinds."""

import pytest
from typer.testing import CliRunner

from unmask.cli.app import app
from unmask.models.bundle import load_bundle
from unmask.serving.report.model_card import (
    Model,
    ReportedGate,
    ReportedGuarantee,
    ReportedVerdicts,
)
from unmask.serving.report.model_card_markdown import to_markdown

VALUES = {
    "sha256": "0" * 64,
    "phase": 3,
    "profile": "full",
    "frame_backbone": "x",
    "voice_backbone": "y",
    "temperature": 1,
    "real_below": 0.25,
    "fake_above": 0.75,
}


def test_the_card_is_written_from_the_bundle(bundle_folder, tmp_path):
    out = tmp_path / "docs" / "MODEL_CARD.md"
    result = CliRunner().invoke(
        app, ["model-card", "--bundle", str(bundle_folder), "--out", str(out)]
    )
    assert result.exit_code == 0, result.output
    bundle, text = load_bundle(bundle_folder), out.read_text()
    assert bundle.sha256 in text
    assert f"`{bundle.settings.frame_backbone}`" in text
    assert f"fake` above {bundle.calibration.fake_above:.3f}" in text


def test_gates_are_listed_with_values_and_limits():
    gates = (
        ReportedGate(name="auc", value=0.91234, limit=0.9, direction="at least",
                     level="required", passed=True),
        ReportedGate(name="ece", value=0.0885, limit=0.05, direction="at most",
                     level="reported", passed=False),
        ReportedGate(name="codec_gap", value=None, limit=0.02, direction="at most",
                     level="reported", passed=False),
        ReportedGate(name="baseline_drop", value=None, limit=0.03, direction="at most",
                     level="required", passed=True),
    )  # fmt: skip
    text = to_markdown(Model(**VALUES, gates=gates))
    assert "| `auc` | 0.9123 | at least 0.9 | required | passed |" in text
    assert "| `ece` | 0.0885 | at most 0.05 | reported | missed |" in text
    assert "| `codec_gap` | – | at most 0.02 | reported | not measured |" in text
    assert "| `baseline_drop` | – | at most 0.03 | required | not measured |" in text


def test_the_guarantee_is_stated_or_said_to_be_missing():
    guarantee = ReportedGuarantee(fpr=0.1, fnr=0.05, real_clips=24, fake_clips=20, people=8)
    assert "24 genuine and 20 fake" in to_markdown(Model(**VALUES, promise=guarantee))
    assert "No conformal guarantee" in to_markdown(Model(**VALUES))


def test_measured_rates_stand_beside_the_guarantee_and_prevalence_is_stated():
    guarantee = ReportedGuarantee(fpr=0.1, fnr=0.05, real_clips=24, fake_clips=20, people=8)
    measured = ReportedVerdicts(
        split="test", reals=42, fakes=40, people=14, false_alarms=7, misses=2,
        inconclusive_reals=5, inconclusive_fakes=6, fpr=7 / 42, fpr_interval=(0.07, 0.314),
        fnr=0.05, fnr_interval=(0.006, 0.169), confidence=0.95,
    )  # fmt: skip
    text = to_markdown(Model(**VALUES, promise=guarantee, measured=measured, prevalence=0.2))
    assert "42 genuine and 40 fake test clips of 14 people" in text
    assert "7 of the genuine (16.7%; 7.0% to 31.4%) were called fake" in text
    assert "2 of the fakes (5.0%; 0.6% to 16.9%) real" in text
    assert "of which 20% is forged" in text
    assert "Measured:" not in to_markdown(Model(**VALUES, promise=guarantee))


@pytest.mark.parametrize(
    ("facts", "sentence"),
    [
        ({"folds": 5}, "cross-fitted in 5 folds"),
        ({}, "may also have chosen the epoch"),
        ({"selection_clips": 36, "by_person": True}, "chosen on 36 other clips"),
    ],
)
def test_a_guarantee_that_holds_approximately_says_so(facts, sentence):
    counts = {"real_clips": 24, "fake_clips": 20, **facts}
    text = to_markdown(Model(**VALUES, promise=ReportedGuarantee(fpr=0.1, fnr=0.05, **counts)))
    assert sentence in text
    assert ("holds approximately" in text) == ("selection_clips" not in facts)
    assert ("clips of new people drawn" in text) == ("by_person" in facts)


@pytest.mark.parametrize(("profile", "warned"), [("demo", True), ("full", False)])
def test_a_demonstration_model_is_called_one(profile, warned):
    text = to_markdown(Model(**VALUES | {"profile": profile}))
    assert ("synthetic people, all made from two portraits: it judges" in text) is warned
