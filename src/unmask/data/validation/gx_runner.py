"""Great Expectations, run in memory: no project folder, no network, no progress bars."""

import re
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import pandas as pd

from unmask.optional_deps import require

EXAMPLES = 3  # offending rows named in a sentence

# The pages that Great Expectations renders load styles, scripts and a picture from elsewhere.
# All of it goes: a report must open without a network and tell nobody that it was opened.
_FOREIGN = re.compile(
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
    """One table and what is expected of it.

    Attributes:
        name: Of the table, as the report shows it.
        key: Column that names a row.
        expectations: Great Expectations' own objects; each one's ``description`` is the
            demand as a sentence.
        level: ``required`` or ``reported``.
    """

    name: str
    key: str
    table: pd.DataFrame
    expectations: tuple[Any, ...]
    level: str = "required"


@dataclass(frozen=True, slots=True)
class Finding:
    """One demand and whether it holds.

    Attributes:
        observed: What was found instead, in words; empty where the demand holds.
    """

    check: str
    level: str
    demand: str
    passed: bool
    observed: str

    def __str__(self) -> str:
        """As part of a sentence."""
        return f"{self.check}: failed: {self.demand} ({self.observed})"


def import_gx(module: str) -> ModuleType:
    """Import a module of Great Expectations without its dependencies' warnings.

    Raises:
        MissingExtraError: It is not installed.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return require(module, extra="platform")


def run_suites(checks: Sequence[Suite]) -> tuple[tuple[Finding, ...], Mapping[str, str]]:
    """Hold every table against its expectations.

    Returns:
        The findings, and Great Expectations' own page of each check as HTML that needs
        nothing from elsewhere.
    """
    context = import_gx("great_expectations").get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    source = context.data_sources.add_pandas("unmask")
    findings: list[Finding] = []
    pages = {}
    for check in checks:
        result = _run(check, source)
        findings += [_finding(check, found) for found in result.results]
        pages[check.name] = _page(result)
    return tuple(findings), pages


def _run(check: Suite, source: Any) -> Any:
    suite = import_gx("great_expectations").ExpectationSuite(
        name=check.name, expectations=list(check.expectations)
    )
    asset = source.add_dataframe_asset(check.name)
    batch = asset.add_batch_definition_whole_dataframe("all").get_batch({"dataframe": check.table})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its own calls of deprecated pandas functions
        return batch.validate(
            suite,
            result_format={
                "result_format": "COMPLETE",
                "unexpected_index_column_names": [check.key],
            },
        )


def _finding(check: Suite, found: Any) -> Finding:
    demand = found.expectation_config.description or found.expectation_config.type
    observed = "" if found.success else _observed(check, found.result, found.exception_info)
    return Finding(check.name, check.level, demand, bool(found.success), observed)


def _observed(check: Suite, result: Mapping[str, Any], exception: Mapping[str, Any]) -> str:
    if "unexpected_index_list" in result:
        rows = result["unexpected_index_list"]
        shown = ", ".join(_row(check, row) for row in rows[:EXAMPLES])
        more = ", …" if len(rows) > EXAMPLES else ""
        return f"{len(rows)} of {result['element_count']}: {shown}{more}"
    if "observed_value" in result:
        return f"found {result['observed_value']}"
    # one entry per metric that could not be computed, each with its own traceback
    causes = {e["exception_message"] for e in exception.values() if isinstance(e, dict)}
    return f"could not be evaluated: {'; '.join(sorted(causes))}"


def _row(check: Suite, row: Mapping[str, Any]) -> str:
    others = [value for column, value in row.items() if column != check.key]
    values = " ".join(f"{v:.3f}" if isinstance(v, float) else str(v) for v in others)
    return f"{row[check.key]} {values}".strip()


def _page(result: Any) -> str:
    renderer = import_gx("great_expectations.render.renderer.page_renderer")
    view = import_gx("great_expectations.render.view")
    page = renderer.ValidationResultsPageRenderer().render(result)
    html: str = view.DefaultJinjaPageView().render(page)
    return _FOREIGN.sub("", html).replace("</head>", _STYLE, 1)
