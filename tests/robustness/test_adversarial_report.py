import json
import subprocess
import sys
from dataclasses import replace

from unmask.evaluation.serialization import from_json, to_json
from unmask.robustness.adversarial_report import AttackRow, RobustnessReport
from unmask.robustness.robustness_page import render_page

ROWS = (
    AttackRow("audio", 0.05, 0.1, 0.8),
    AttackRow("frames", 0.01, 0.8, 0.1),
    AttackRow("frames", 0.05, 0.2, 0.7, "pgd"),
    AttackRow("frames", 0.05, 0.3, 0.6, "fgsm", "transfer"),
    AttackRow("frames", 0.05, 0.5, 0.4),
)


def test_sets_for_testing_alone_are_named_though_no_part_has_them():
    report = RobustnessReport("test", 4, 0.9, (), left_out=("celebdf", "dfdc"))
    page = render_page(report)
    assert "not in this report: celebdf, dfdc, which have no training clips" in page
    assert "not in this report" not in render_page(replace(report, left_out=()))


def test_the_page_names_components_that_are_not_trained():
    report = RobustnessReport("test", 4, 0.9, (), untrained=("audio is not trained: <no sound>",))
    assert "<p>audio is not trained: &lt;no sound&gt;</p>" in render_page(report)


def test_the_gate_counts_white_box_fgsm_on_frames_up_to_0_05():
    report = RobustnessReport("test", 9, 0.9, ROWS)
    assert report.gate_drop == 0.4
    assert replace(report, rows=ROWS[:-1]).gate_drop is None
    larger = AttackRow("frames", 0.1, 0.0, 0.9)
    assert replace(report, rows=(*ROWS, larger)).gate_drop == 0.4


def test_the_gate_counts_smaller_budgets_too():
    rows = AttackRow("frames", 0.05, 0.91, -0.01), AttackRow("frames", 0.01, 0.42, 0.48)
    assert RobustnessReport("test", 9, 0.9, rows).gate_drop == 0.48


def test_every_metric_has_its_own_key():
    metrics = RobustnessReport("test", 9, 0.9, ROWS).to_metrics()
    assert len(metrics) == 2 * len(ROWS)
    assert metrics["fgsm_drop_frames_0.05"] == 0.4
    assert metrics["fgsm_auc_audio_0.05"] == 0.1
    assert metrics["pgd_drop_frames_0.05"] == 0.7
    assert metrics["fgsm_auc_transfer_frames_0.05"] == 0.3


def test_a_report_has_a_threat_model_and_survives_json():
    report = RobustnessReport("test", 9, 0.9, ROWS)
    threat_model = json.loads(to_json(report))["threat_model"]
    assert set(threat_model) == {"knows", "changes", "cannot", "epsilon"}
    assert all(threat_model.values())
    assert from_json(RobustnessReport, to_json(report)) == report


def test_reports_of_earlier_versions_are_read():
    row = {"target": "frames", "epsilon": 0.05, "auc": 0.5, "drop": 0.4}
    stored = {"split": "test", "clips": 9, "clean_auc": 0.9, "rows": [row]}
    assert from_json(RobustnessReport, json.dumps(stored)).gate_drop == 0.4
    report = from_json(RobustnessReport, json.dumps({**stored, "made": "PGD: 3 steps"}))
    assert report.protocol == "PGD: 3 steps"


def test_reading_a_report_needs_no_torch():
    code = "import sys, unmask.robustness.adversarial_report; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
