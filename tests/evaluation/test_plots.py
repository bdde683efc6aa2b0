import csv

import numpy as np
import pytest
from matplotlib.image import imread
from scipy.integrate import trapezoid as integral

from unmask.errors import SingleClassError
from unmask.evaluation.metrics import expected_calibration_error, roc_auc
from unmask.evaluation.plots import write_plots


def read_table(file):
    with file.open() as stream:
        return [{name: float(cell) for name, cell in row.items()} for row in csv.DictReader(stream)]


def test_curve_tables_reproduce_auc_and_ece(score_rows, tmp_path):
    rows = score_rows()
    write_plots(rows, tmp_path / "plots", bins=10)
    is_fake = np.array([row.is_fake for row in rows])
    roc = read_table(tmp_path / "plots" / "roc.csv")
    area = integral([point["tpr"] for point in roc], [point["fpr"] for point in roc])
    assert area == pytest.approx(roc_auc(np.array([row.logit for row in rows]), is_fake))
    bins = read_table(tmp_path / "plots" / "reliability.csv")
    error = sum(b["clips"] * abs(b["probability"] - b["fake_rate"]) for b in bins) / len(rows)
    probabilities = np.array([row.probability for row in rows])
    assert error == pytest.approx(expected_calibration_error(probabilities, is_fake, 10))


def test_figures_have_their_size_and_the_colour_of_fakes(score_rows, tmp_path):
    files = write_plots(score_rows(), tmp_path, bins=10)
    figures = [file for file in files if file.suffix == ".png"]
    assert [file.name for file in figures] == ["roc.png", "reliability.png", "scores.png"]
    for file in figures:
        pixels = imread(file)[..., :3]
        assert pixels.shape[:2] == (600, 600)
        red = (pixels[..., 0] - pixels[..., 2] > 0.3).mean()
        assert red > 0.001


def test_the_highest_bar_of_the_histogram_is_not_cut_off(score_rows, tmp_path):
    write_plots(score_rows(), tmp_path, bins=10)
    top = imread(tmp_path / "scores.png")[8:14, :, :3]  # inside the frame, above the legend
    assert np.ptp(top[:, 80:580], axis=2).max() < 0.05  # white, without any colour


def test_plotting_touches_no_global_state(score_rows, tmp_path):
    import matplotlib.pyplot as plt

    before = dict(plt.rcParams)
    write_plots(score_rows(), tmp_path, bins=10)
    assert plt.get_fignums() == []
    assert dict(plt.rcParams) == before


def test_a_single_class_cannot_be_plotted(score_rows, tmp_path):
    with pytest.raises(SingleClassError):
        write_plots([row for row in score_rows() if row.is_fake], tmp_path, bins=10)
