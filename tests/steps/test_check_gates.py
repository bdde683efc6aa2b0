from dataclasses import replace

import pytest

from steps.check_gates import check_gates
from tests.factories import make_evaluation
from unmask.config import GatePlan, GateSettings
from unmask.evaluation.baseline_comparison import BaselineComparison
from unmask.models.bundle import load_bundle, not_trained, save_bundle
from unmask.robustness.adversarial_report import RobustnessReport
from unmask.robustness.codec_report import CodecReport


@pytest.fixture
def reports():
    robustness = RobustnessReport(split="test", clips=4, clean_auc=0.9, rows=())
    plan = GatePlan(gates=GateSettings(), targets=GateSettings())
    return robustness, CodecReport("test", 0, 0.95), BaselineComparison(), plan


def test_gates_tell_what_the_candidate_was_trained_without(bundle_folder, reports, tmp_path):
    bundle = load_bundle(bundle_folder)
    reason = "none of 12 training clips has sound"
    silent = replace(bundle, provenance={**bundle.provenance, not_trained("audio"): reason})
    save_bundle(tmp_path / "silent", silent)
    report = check_gates.entrypoint(tmp_path / "silent", make_evaluation(auc=0.9), *reports)
    assert report.notes == (f"audio is not trained: {reason}",)
    assert check_gates.entrypoint(bundle_folder, make_evaluation(auc=0.9), *reports).notes == ()
