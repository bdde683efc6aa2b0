import pytest

from unmask.errors import ConfigError
from unmask.training.experiments.sweep import Trial, expand_grid, sweep


def test_values_after_commas_are_combined_and_single_ones_stay():
    found = expand_grid(["a.x=1,2", "b.y=3", "c.z=4,5"])
    assert len(found) == 4
    assert ("a.x=2", "b.y=3", "c.z=4") in found


def test_an_entry_without_a_value_is_refused():
    with pytest.raises(ConfigError, match="expected section"):
        expand_grid(["training.epochs"])


class Logger:
    """Stand-in for a Lightning logger."""

    def __init__(self):
        self.metrics, self.ended = {}, False

    def log_metrics(self, metrics):
        self.metrics |= metrics

    def finalize(self, status):
        self.ended = True


def test_the_best_on_validation_comes_first_and_every_trial_is_recorded(
    tmp_path, tiny_settings, monkeypatch
):
    aucs = {"a=1": 0.6, "a=2": 0.9, "a=3": 0.9}
    asked = []

    def fit(clips, settings, cache, out, logger):
        asked.append(settings)
        return tmp_path / str(len(asked))

    def score(bundle, clips, split, cache):
        assert split == "val"
        return _rows(list(aucs.values())[int(bundle.name) - 1])

    monkeypatch.setattr("unmask.training.experiments.sweep.fit", fit)
    monkeypatch.setattr("unmask.training.experiments.sweep.score_split", score)
    loggers = {}

    class Recorder:
        def start_trial(self, trial):
            return loggers.setdefault(trial.name, Logger())

    trials = [Trial((name,), tiny_settings) for name in aucs]
    outcomes = sweep(trials, (), None, tmp_path, Recorder())
    assert [outcome.trial.name for outcome in outcomes] == ["a=2", "a=3", "a=1"]
    assert {name: each.metrics["best_val_auc"] for name, each in loggers.items()} == aucs
    assert all(each.ended for each in loggers.values())


def _rows(auc):
    """Ten fakes and one genuine clip, which ``auc`` of the fakes outrank."""
    from unmask.records import ScoreRow

    above = round(auc * 10)
    fakes = [
        ScoreRow("f", "i", "val", "m", True, 1.0 if n < above else -1.0, 0.5) for n in range(10)
    ]
    return [*fakes, ScoreRow("r", "i", "val", "m", False, 0.0, 0.5)]
