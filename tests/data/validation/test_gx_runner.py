"""Expectation suites run with Great Expectations."""

import pandas as pd
import pytest

from unmask.data.validation.gx_runner import Suite, import_gx, run_suites


@pytest.fixture(scope="module")
def gxe():
    return import_gx("great_expectations.expectations")


def positive(gxe, column="width"):
    return gxe.ExpectColumnValuesToBeBetween(
        column=column, min_value=0, strict_min=True, description=f"{column} is positive"
    )


def suite_of(widths, expectation, level="required"):
    names = [f"c{number}" for number in range(len(widths))]
    return Suite(
        "clips", "name", pd.DataFrame({"name": names, "width": widths}), (expectation,), level
    )


def test_satisfied_expectation_passes_and_its_page_loads_nothing_external(gxe):
    (finding,), pages = run_suites([suite_of([1, 2], positive(gxe))])
    assert (finding.passed, finding.observed, finding.expectation) == (
        True,
        "",
        "width is positive",
    )
    assert set(pages) == {"clips"}
    assert "width is positive" in pages["clips"]
    assert "<script" not in pages["clips"]


def test_failing_rows_are_counted_and_the_first_three_named(gxe):
    (finding,), _ = run_suites([suite_of([1, -1.5, -2, -3, -4], positive(gxe), "reported")])
    assert (finding.passed, finding.level) == (False, "reported")
    assert finding.observed == "4 of 5: c1 -1.500, c2 -2.000, c3 -3.000, …"
    assert str(finding) == f"clips: failed: width is positive ({finding.observed})"


def test_observed_value_of_a_table_is_named(gxe):
    expectation = gxe.ExpectTableRowCountToBeBetween(min_value=3, description="three rows")
    (finding,), _ = run_suites([suite_of([1, 2], expectation)])
    assert (finding.passed, finding.observed) == (False, "found 2")


def test_expectation_that_cannot_be_evaluated_fails_with_the_cause(gxe):
    (finding,), _ = run_suites([suite_of([1], positive(gxe, "height"))])
    assert not finding.passed
    assert finding.observed.startswith("could not be evaluated: ")
    assert "height" in finding.observed
