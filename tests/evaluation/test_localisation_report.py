from dataclasses import replace

import pytest

from unmask.evaluation.intervals import Estimate
from unmask.evaluation.localisation_report import (
    HEADINGS,
    LENGTH_HEADINGS,
    PART_HEADINGS,
    LengthRow,
    LocalisationPart,
    LocalisationReport,
    LocalisationRow,
)
from unmask.evaluation.serialization import from_json, to_json


def make_row(modality, segments, **metrics):
    estimates = {name: Estimate(value, value / 2, value * 2) for name, value in metrics.items()}
    return LocalisationRow(modality, segments, 6, 3, 2, estimates)


@pytest.fixture
def report():
    rows = (
        make_row("video", "flagged", flagged_per_hour=60.0),
        make_row("audio", "flagged", flagged_per_hour=90.0),
        make_row("either", "flagged", flagged_per_hour=150.0),
        make_row("either", "proposed", ap50=0.5, ap75=0.25),
    )
    long = LengthRow("30 to 45 s", 6, 3, Estimate(0.75, 0.5, 1.0), 12.0)
    parts = (
        LocalisationPart("source", "lavdf", 8, 9, row=rows[-1]),
        LocalisationPart("source", "dfdc", 2, 9, "too few clips"),
    )
    return LocalisationReport(
        "test", rows, (), (long,), "spliced", promised_per_hour=120.0, parts=parts
    )


def test_the_flagged_ratio_is_that_of_the_modality_that_exceeds_its_promise_most(report):
    assert report.flagged_ratio == Estimate(0.75, 0.375, 1.5)
    assert replace(report, promised_per_hour=0.0).flagged_ratio is None
    assert replace(report, rows=()).flagged_ratio is None


def test_metrics_have_flat_keys_with_their_intervals(report):
    metrics = report.to_metrics()
    assert metrics["localisation_either_proposed_ap50"] == 0.5
    assert metrics["localisation_either_proposed_ap50_low"] == 0.25
    assert metrics["localisation_partial_auc_high"] == 1.0


def test_rows_have_a_cell_for_each_heading(report):
    assert len(report.rows[0].list_cells()) == len(HEADINGS)
    assert report.rows[0].list_cells()[-1] == "60.000 (30.000–120.000)"
    assert report.by_clip_length[0].list_cells() == (
        "30 to 45 s",
        "6",
        "3",
        "0.750 (0.500–1.000)",
        "12.0",
    )
    assert len(LENGTH_HEADINGS) == 5


def test_rows_of_sources_name_their_clips_or_why_nothing_is_measured(report):
    measured, unmeasured = (part.list_cells() for part in report.parts)
    assert len(measured) == len(unmeasured) == len(PART_HEADINGS)
    assert measured[:3] == ("source lavdf (8 fake + 9 genuine)", "3", "0.500 (0.250–1.000)")
    assert unmeasured[0] == "source dfdc (2 fake + 9 genuine)"
    assert unmeasured[-1] == "not measured: too few clips"


def test_a_report_survives_a_file(report):
    assert from_json(LocalisationReport, to_json(report)) == report


def test_the_footage_is_told(report):
    assert "in place of its genuine twin" in report.describe()
    assert replace(report, not_measured="no pairs").describe() == "Not measured: no pairs."
    assert "segments of the manifest" in replace(report, footage="partial").describe()
