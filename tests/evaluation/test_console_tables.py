from dataclasses import replace

from unmask.config import EvaluationSettings, GateSettings
from unmask.evaluation.baseline_comparison import BaselineComparison
from unmask.evaluation.console_tables import evaluation_table, gate_table
from unmask.evaluation.evaluate import evaluate
from unmask.evaluation.gates import check_gates

SETTINGS = EvaluationSettings(resamples=50)


def test_the_console_table_shows_each_metric_with_its_interval(score_rows, render):
    evaluation = evaluate(score_rows(), SETTINGS, seed=1)
    text = render(evaluation_table(evaluation))
    assert [
        "AUC",
        f"{evaluation.auc:.3f}",
        f"{evaluation.auc_low:.3f}–{evaluation.auc_high:.3f}",
    ] in [[cell.strip() for cell in line.strip("│").split("│")] for line in text.splitlines()]
    assert "80 + 80" in text
    assert "20 identities" in text
    alone = evaluate([replace(row, identity="ann") for row in score_rows()], SETTINGS, seed=1)
    assert "one identity" in render(evaluation_table(alone))


def test_the_gate_table_shows_the_message_of_every_gate(score_rows, render):
    evaluation = evaluate(score_rows(), SETTINGS, seed=1)
    report = check_gates(GateSettings(), evaluation, 0.0, BaselineComparison())
    text = render(gate_table(report))
    assert "NOT passed" in text
    assert all(row.message in text for row in report.rows)
    cells = [[cell.strip() for cell in line.split("│")] for line in text.splitlines()]
    verdicts = {line[1]: line[3] for line in cells if len(line) > 4}
    assert verdicts["fgsm_drop"] == "passed"  # 0.0
    assert verdicts["auc"] == "MISSED"  # of random scores
    assert verdicts["baseline_drop"] == verdicts["non_inferiority"] == "not measured"


def test_the_gate_table_ends_with_what_the_candidate_was_trained_without(score_rows, render):
    evaluation = evaluate(score_rows(), SETTINGS, seed=1)
    report = check_gates(GateSettings(), evaluation, 0.0, BaselineComparison())
    text = render(gate_table(replace(report, notes=("audio is not trained: no sound",))))
    assert text.rstrip().endswith("audio is not trained: no sound")
