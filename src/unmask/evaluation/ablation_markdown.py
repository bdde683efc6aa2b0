"""Markdown report of an ablation, for a page and for the console."""

from collections.abc import Mapping, Sequence

from unmask.evaluation.ablation_analysis import AblationRow
from unmask.evaluation.auc_estimate import UnmeasuredAuc
from unmask.markdown_table import markdown_table

HEADER = (
    *("without", "AUC", "interval", "gain of the component", "p (Holm)"),
    *("expected", "ECE", "ms per clip"),
)


def ablation_table(rows: Sequence[AblationRow], expected: Mapping[str, str]) -> str:
    """Return a Markdown table with one line per component, the reference first.

    Args:
        expected: Component to its expected gain.
    """
    return markdown_table(HEADER, [_cells(row, expected) for row in rows]) + "\n"


def ablation_page(
    rows: Sequence[AblationRow], expected: Mapping[str, str], title: str, notes: Sequence[str]
) -> str:
    """Return the whole report: notes, table, AUC per kind of fake, data set and seed."""
    seeds = ", ".join(str(seed) for seed in rows[0].seeds)
    by_seed = [f"- {row.name}: {', '.join(f'{auc:.3f}' for auc in row.aucs)}" for row in rows]
    parts = [
        f"# {title}",
        " ".join(notes),
        ablation_table(rows, expected).rstrip(),
        "AUC of each kind of fake against the genuine clips of its data set, mean over the seeds:",
        _kinds_table(rows),
        *_sources_section(rows),
        f"AUC per seed ({seeds}):",
        "\n".join(by_seed),
    ]
    return "\n\n".join(parts) + "\n"


def _kinds_table(rows: Sequence[AblationRow]) -> str:
    kinds = list(rows[0].by_manipulation)
    cells = [[_label(row), *(f"{row.by_manipulation[k]:.2f}" for k in kinds)] for row in rows]
    return markdown_table(["without", *kinds], cells)


def _sources_section(rows: Sequence[AblationRow]) -> tuple[str, ...]:
    """Return the paragraphs on data sets; none where their names were not stored."""
    sources = list(rows[0].by_source)
    if not sources:
        return ()
    cells = [[_label(row), *(_format_auc(row.by_source[name]) for name in sources)] for row in rows]
    return "AUC on each data set, mean over the seeds:", markdown_table(
        ["without", *sources], cells
    )


def _format_auc(auc: float | UnmeasuredAuc) -> str:
    if isinstance(auc, UnmeasuredAuc):
        return f"not measured: {auc.fakes} fake + {auc.reals} genuine, {auc.not_measured}"
    return f"{auc:.2f}"


def _label(row: AblationRow) -> str:
    return "nothing (reference)" if row.gain is None else f"{'+ ' * row.added}{row.name}"


def _cells(row: AblationRow, expected: Mapping[str, str]) -> tuple[str, ...]:
    return (
        _label(row),
        f"{row.auc.value:.3f}",
        row.auc.format_interval(),
        "" if row.gain is None else row.gain.format("+"),
        "" if row.p_holm is None else _format_p_value(row.p_holm),
        "" if row.gain is None else expected.get(row.name, ""),
        f"{row.ece:.3f}",
        "" if row.ms_per_clip is None else f"{row.ms_per_clip:.0f}",
    )


def _format_p_value(p_value: float) -> str:
    return "< 0.001" if p_value < 0.001 else f"{p_value:.3f}"
