"""Runs expectation suites with Great Expectations in memory, without project folder or network."""

import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import pandas as pd

from unmask.optional_deps import require

MAX_EXAMPLES = 3  # failing rows named in a finding

# The pages of Great Expectations load styles, scripts and an image from other hosts. All of them
# are removed: a report must open without a network and must not notify a third party.
_EXTERNAL = re.compile(
    r"<script\b.*?</script>|<link\b[^>]*>|<img\b[^>]*>|<footer\b.*?</footer>"
    r"|background: url\([^)]*\)[^;]*;",
    re.DOTALL,
)
_STYLE = """<style>
body { font-family: system-ui, sans-serif; margin: 1rem 2rem; }
table { border-collapse: collapse; } th, td { border: 1px solid #ccc; padding: 4px 8px; }
th { text-align: left; } .alert { background: #eee; padding: 6px 10px; margin-top: 1rem; }
.badge { background: #e6e6e6; border-radius: 4px; padding: 0 4px; }
.text-danger, .fa-times { color: #b00020; } .fa-check-circle { color: #1b7a3d; }
.fa-check-circle::before { content: "\\2714"; } .fa-times::before { content: "\\2718"; }
.fa-exclamation-triangle::before { content: "\\26A0"; }
.card-header, .btn-group, .collapse { display: none; } ul { list-style: none; }
</style></head>"""


@dataclass(frozen=True, slots=True)
class Suite:
    """A table and its expectations.

    Attributes:
        name: Name of the suite in the report.
        key: Column that identifies a row.
        expectations: Objects of Great Expectations; their ``description`` states the expectation
            as a sentence.
        level: ``required`` or ``reported``.
    """

    name: str
    key: str
    table: pd.DataFrame
    expectations: tuple[Any, ...]
    level: str = "required"


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one expectation.

    Attributes:
        suite: Name of the suite.
        expectation: The expectation as a sentence.
        observed: What was found instead; empty if the expectation is met.
    """

    suite: str
    level: str
    expectation: str
    passed: bool
    observed: str

    def __str__(self) -> str:
        """Return the finding as part of a sentence."""
        return f"{self.suite}: failed: {self.expectation} ({self.observed})"


def import_gx(module: str) -> ModuleType:
    """Import a module of Great Expectations, suppressing the warnings of its dependencies.

    Raises:
        MissingExtraError: Great Expectations is not installed.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return require(module, extra="platform")


def run_suites(suites: Sequence[Suite]) -> tuple[tuple[Finding, ...], Mapping[str, str]]:
    """Validate every table against its expectations.

    Returns:
        The findings, and the self-contained HTML page of each suite by name.
    """
    context = import_gx("great_expectations").get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    source = context.data_sources.add_pandas("unmask")
    findings: list[Finding] = []
    pages = {}
    for suite in suites:
        validation = _run_suite(suite, source)
        findings += [_to_finding(suite, result) for result in validation.results]
        pages[suite.name] = _render_page(validation)
    return tuple(findings), pages


def _run_suite(suite: Suite, source: Any) -> Any:
    gx_suite = import_gx("great_expectations").ExpectationSuite(
        name=suite.name, expectations=list(suite.expectations)
    )
    asset = source.add_dataframe_asset(suite.name)
    batch = asset.add_batch_definition_whole_dataframe("all").get_batch({"dataframe": suite.table})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Great Expectations calls deprecated pandas functions
        return batch.validate(
            gx_suite,
            result_format={
                "result_format": "COMPLETE",
                "unexpected_index_column_names": [suite.key],
            },
        )


def _to_finding(suite: Suite, result: Any) -> Finding:
    sentence = result.expectation_config.description or result.expectation_config.type
    observed = "" if result.success else _observed(suite, result.result, result.exception_info)
    return Finding(suite.name, suite.level, sentence, bool(result.success), observed)


def _observed(suite: Suite, result: Mapping[str, Any], exception: Mapping[str, Any]) -> str:
    if "unexpected_index_list" in result:
        rows = result["unexpected_index_list"]
        examples = ", ".join(_format_row(suite, row) for row in rows[:MAX_EXAMPLES])
        more = ", …" if len(rows) > MAX_EXAMPLES else ""
        return f"{len(rows)} of {result['element_count']}: {examples}{more}"
    if "observed_value" in result:
        return f"found {result['observed_value']}"
    # one entry per metric that could not be computed, each with its traceback
    causes = {entry["exception_message"] for entry in exception.values() if isinstance(entry, dict)}
    return f"could not be evaluated: {'; '.join(sorted(causes))}"


def _format_row(suite: Suite, row: Mapping[str, Any]) -> str:
    others = [value for column, value in row.items() if column != suite.key]
    values = " ".join(
        f"{value:.3f}" if isinstance(value, float) else str(value) for value in others
    )
    return f"{row[suite.key]} {values}".strip()


def _render_page(validation: Any) -> str:
    renderer = import_gx("great_expectations.render.renderer.page_renderer")
    view = import_gx("great_expectations.render.view")
    page = renderer.ValidationResultsPageRenderer().render(validation)
    html: str = view.DefaultJinjaPageView().render(page)
    return _EXTERNAL.sub("", html).replace("</head>", _STYLE, 1)
