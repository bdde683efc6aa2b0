import csv

import pytest

from unmask.training.detector.fit import fit


class KilledError(BaseException):
    """Ends a fit without clean-up, as a power cut would."""


def read_history(bundle):
    with (bundle.parent / "history.csv").open() as stream:
        return list(csv.DictReader(stream))


@pytest.fixture
def no_progress(monkeypatch):
    monkeypatch.setattr("unmask.training.detector.lightning_module.roc_auc", lambda *_: 0.5)


@pytest.mark.usefixtures("no_progress")
def test_a_fit_out_of_patience_ends_with_a_falling_learning_rate_also_when_resumed(
    toy_clips, toy_load, tiny_settings, tmp_path
):
    training = tiny_settings.training.replace(epochs=20, patience=4)
    settings = tiny_settings.replace(training=training)
    whole = read_history(fit(toy_clips, settings, toy_load, tmp_path / "whole"))
    # patience runs out in epoch 4; of 7 epochs, 2 are a fifth
    assert [row["epoch"] for row in whole] == list("0123456")
    rates = [float(row["learning_rate"]) for row in whole]
    assert rates[5] > 0.7 * rates[4]
    assert rates[6] == pytest.approx(0.4 * rates[5], rel=1e-4)  # 3, 2, 1 sixths after 6, 5, 4

    reads = 0

    def load_until_killed(clip):
        nonlocal reads
        reads += 1
        if reads > 6 * 24:  # in epoch 6: each reads 24 clips
            raise KilledError
        return toy_load(clip)

    with pytest.raises(KilledError):
        fit(toy_clips, settings, load_until_killed, tmp_path / "resumed")
    assert read_history(fit(toy_clips, settings, toy_load, tmp_path / "resumed")) == whole
