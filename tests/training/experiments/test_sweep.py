import pytest

from unmask.errors import ConfigError, MissingExtraError
from unmask.records import ScoreRow
from unmask.training.experiments.sweep import Trial, expand_grid, sweep


def test_comma_separated_values_are_combined():
    assert expand_grid(["a.x=1,2", "b.y=3", "c.z=4,5"]) == (
        ("a.x=1", "b.y=3", "c.z=4"),
        ("a.x=1", "b.y=3", "c.z=5"),
        ("a.x=2", "b.y=3", "c.z=4"),
        ("a.x=2", "b.y=3", "c.z=5"),
    )


def test_a_setting_without_a_value_is_refused():
    with pytest.raises(ConfigError, match="expected section"):
        expand_grid(["training.epochs"])


class FakeLogger:
    """The part of a Lightning logger that a sweep uses."""

    def __init__(self):
        self.metrics, self.finished = {}, False

    def log_metrics(self, metrics):
        self.metrics |= metrics

    def finalize(self, status):
        self.finished = True


def test_the_best_on_validation_comes_first_and_every_trial_is_recorded(
    tmp_path, tiny_settings, monkeypatch
):
    aucs = {"a=1": 0.6, "a=2": 0.9, "a=3": 0.9}
    fitted = []

    def fit(clips, settings, load, out, logger):
        fitted.append(settings)
        return tmp_path / str(len(fitted))

    def score(bundle, clips, split, cache):
        assert split == "val"
        return make_rows(list(aucs.values())[int(bundle.name) - 1])

    monkeypatch.setattr("unmask.training.experiments.sweep.fit", fit)
    monkeypatch.setattr("unmask.training.experiments.sweep.score_split", score)
    loggers = {}

    def record(trial):
        return loggers.setdefault(trial.name, FakeLogger())

    trials = [Trial((name,), tiny_settings) for name in aucs]
    results = sweep(trials, (), None, tmp_path, record)
    assert [result.trial.name for result in results] == ["a=2", "a=3", "a=1"]
    logged = {name: logger.metrics["best_val_auc"] for name, logger in loggers.items()}
    assert logged == aucs
    assert all(logger.finished for logger in loggers.values())


def make_rows(auc):
    """Score ten fakes and one genuine clip, which a share ``auc`` of the fakes outranks."""
    above = round(auc * 10)
    fakes = [
        ScoreRow("f", "i", "val", "m", True, 1.0 if n < above else -1.0, 0.5) for n in range(10)
    ]
    return [*fakes, ScoreRow("r", "i", "val", "m", False, 0.0, 0.5)]


def test_a_sweeps_runs_are_nested_below_one_that_names_the_best(tmp_path, tiny_settings):
    mlflow = pytest.importorskip("mlflow")
    from unmask.training.experiments.tracking import EXPERIMENT, NestedRuns

    uri = f"sqlite:///{tmp_path / 'deep' / 'mlflow.db'}"
    runs = NestedRuns(uri, "a=1,2")
    for name in ("a=1", "a=2"):
        logger = runs.record(Trial((name,), tiny_settings))
        logger.log_metrics({"val_auc": 0.7}, step=0)
        logger.finalize("success")
    runs.finish("a=2", 0.7)
    client = mlflow.MlflowClient(tracking_uri=uri)
    experiment = client.get_experiment_by_name(EXPERIMENT)
    found = client.search_runs([experiment.experiment_id])
    parents = [run for run in found if "mlflow.parentRunId" not in run.data.tags]
    (parent,) = parents
    assert parent.data.tags["best"] == "a=2"
    assert parent.info.status == "FINISHED"
    children = [run for run in found if run.info.run_id != parent.info.run_id]
    assert {run.data.params["a"] for run in children} == {"1", "2"}
    for child in children:
        assert child.data.tags["mlflow.parentRunId"] == parent.info.run_id
        assert child.data.metrics["val_auc"] == 0.7


def test_two_that_begin_at_once_share_the_experiment(tmp_path, monkeypatch):
    pytest.importorskip("mlflow")
    from unmask.training.experiments.tracking import NestedRuns

    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    first, find, asked = NestedRuns(uri, "first"), NestedRuns._found, []

    def too_early(self):  # the first look was before the other made it
        asked.append(self)
        return None if len(asked) == 1 else find(self)

    monkeypatch.setattr(NestedRuns, "_found", too_early)
    assert NestedRuns(uri, "second").experiment == first.experiment
    assert len(asked) == 2


def test_without_mlflow_the_extra_is_named(tmp_path, monkeypatch):
    import sys

    from unmask.training.experiments.tracking import NestedRuns

    monkeypatch.setitem(sys.modules, "mlflow", None)
    with pytest.raises(MissingExtraError, match=r"unmask\[platform\]"):
        NestedRuns(f"sqlite:///{tmp_path}/m.db", "x")
