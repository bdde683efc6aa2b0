import pytest

from unmask.errors import ConfigError
from unmask.records import ScoreRow
from unmask.training.experiments.recorder import Trial
from unmask.training.experiments.sweep import expand_grid, sweep


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

    class FakeRecorder:
        def start_trial(self, trial):
            return loggers.setdefault(trial.name, FakeLogger())

    trials = [Trial((name,), tiny_settings) for name in aucs]
    results = sweep(trials, (), None, tmp_path, FakeRecorder())
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
