import shutil

import mlflow
import pytest


@pytest.mark.slow
def test_other_data_sets_are_measured_in_a_run_of_their_own(
    platforms, footage, bundle_folder, tmp_path
):
    from pipelines.__main__ import crosseval

    again = shutil.copytree(footage, tmp_path / "again")
    crosseval(bundle_folder, [f"own={footage}", f"again={again}"], frames=2, jobs=1)
    (run,) = mlflow.search_runs(experiment_names=["unmask-crosseval"], output_format="list")
    assert run.data.metrics["clips_at_own"] == 4  # of thirteen, those of the split test
    assert run.data.metrics["frames_at_own"] == 8
    for name in ("auc", "frame_auc", "ece"):
        assert run.data.metrics[f"{name}_at_own"] == run.data.metrics[f"{name}_at_again"]
    assert run.data.params == {"datasets": "own,again", "frames": "2"}
