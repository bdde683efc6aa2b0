import json
from pathlib import Path

import mlflow
import pytest

from steps.platforms.cross_runs import log_cross_evaluation
from unmask.evaluation.cross_dataset import CrossEvaluation, DatasetReport, Slice
from unmask.evaluation.intervals import Estimate
from unmask.evaluation.measurement import METRICS, Measurement

MEASURED = Measurement(10, 5, 5, 4, {name: Estimate(0.75, 0.5, 1.0) for name in METRICS})
MISSING = Measurement(0, 0, 0, 0, {}, "no fake and no genuine frames")


@pytest.mark.usefixtures("checkout")
def test_a_run_has_the_metrics_of_every_data_set_and_the_report():
    slices = (Slice("all", "", MEASURED, MISSING), Slice("source", "a+b (c)", MEASURED, MISSING))
    reports = tuple(DatasetReport(name, 10, {}, slices) for name in ("celebdf", "dfdc"))
    run_id = log_cross_evaluation(CrossEvaluation("ab" * 32, 32, 0.95, 10, reports))
    run = mlflow.MlflowClient().get_run(run_id)
    for name in ("celebdf", "dfdc"):
        assert run.data.metrics[f"auc_at_{name}"] == 0.75
        assert run.data.metrics[f"fpr95_low_at_{name}"] == 0.5
        assert run.data.metrics[f"auc_at_{name}/source/a_b_c_"] == 0.75
        assert run.data.metrics[f"identities_at_{name}"] == 4
        assert f"frame_auc_at_{name}" not in run.data.metrics
    assert run.data.params == {"datasets": "celebdf,dfdc", "frames": "32"}
    assert run.data.tags["bundle_sha256"] == "ab" * 32
    assert run.info.status == "FINISHED"
    folder = Path(mlflow.artifacts.download_artifacts(run_id=run_id))
    assert json.loads((folder / "crosseval.json").read_text())["frames"] == 32
    assert "0.750 (0.500–1.000)" in (folder / "crosseval.html").read_text()
