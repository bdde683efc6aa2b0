import json
import subprocess
import sys
from dataclasses import replace

from unmask.evaluation.serialization import from_json, to_json
from unmask.robustness.adversarial_report import AttackRow, RobustnessReport

ROWS = (
    AttackRow("audio", 0.05, 0.1, 0.8),
    AttackRow("frames", 0.01, 0.8, 0.1),
    AttackRow("frames", 0.05, 0.2, 0.7, "pgd"),
    AttackRow("frames", 0.05, 0.3, 0.6, "fgsm", "transfer"),
    AttackRow("frames", 0.05, 0.5, 0.4),
)


def test_the_gate_looks_at_fgsm_on_frames_in_the_white_box_up_to_0_05():
    report = RobustnessReport("test", 9, 0.9, ROWS)
    assert report.gate_drop == 0.4
    assert replace(report, rows=ROWS[:-1]).gate_drop is None
    larger = AttackRow("frames", 0.1, 0.0, 0.9)
    assert replace(report, rows=(*ROWS, larger)).gate_drop == 0.4


def test_who_withstands_one_budget_and_no_smaller_one_does_not_pass():
    learnt = AttackRow("frames", 0.05, 0.91, -0.01), AttackRow("frames", 0.01, 0.42, 0.48)
    assert RobustnessReport("test", 9, 0.9, learnt).gate_drop == 0.48


def test_every_number_has_a_key_of_its_own():
    numbers = RobustnessReport("test", 9, 0.9, ROWS).to_metrics()
    assert len(numbers) == 2 * len(ROWS)
    assert numbers["fgsm_drop_frames_0.05"] == 0.4
    assert numbers["fgsm_auc_audio_0.05"] == 0.1
    assert numbers["pgd_drop_frames_0.05"] == 0.7
    assert numbers["fgsm_auc_transfer_frames_0.05"] == 0.3


def test_a_report_says_whom_it_speaks_of_and_survives_json():
    report = RobustnessReport("test", 9, 0.9, ROWS)
    told = json.loads(to_json(report))["threat_model"]
    assert set(told) == {"knows", "changes", "cannot", "epsilon"}
    assert all(told.values())
    assert from_json(RobustnessReport, to_json(report)) == report


def test_a_report_of_an_older_version_is_read():
    row = {"target": "frames", "epsilon": 0.05, "auc": 0.5, "drop": 0.4}
    old = {"split": "test", "clips": 9, "clean_auc": 0.9, "rows": [row]}
    assert from_json(RobustnessReport, json.dumps(old)).gate_drop == 0.4


def test_reading_a_report_needs_no_torch():
    code = "import sys, unmask.robustness.adversarial_report; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
