"""An ablation as a table in Markdown, which a terminal shows as well as a page does."""

from collections.abc import Mapping, Sequence

from unmask.evaluation.ablation_analysis import AblationRow
from unmask.evaluation.bootstrap import Interval

HEAD = ("without", "AUC", "interval", "gain of the component", "expected", "ECE", "ms per clip")


def ablation_table(rows: Sequence[AblationRow], expected: Mapping[str, str]) -> str:
    """One line per component; the reference first.

    Args:
        expected: Component to what one could expect of it.
    """
    lines = [HEAD, tuple("---" for _ in HEAD), *(_cells(row, expected) for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def ablation_page(
    rows: Sequence[AblationRow], expected: Mapping[str, str], title: str, words: Sequence[str]
) -> str:
    """The table with its heading and what a reader has to know, each kind of fake, each seed."""
    seeds = ", ".join(str(seed) for seed in rows[0].seeds)
    each = [f"- {row.name}: {', '.join(f'{auc:.3f}' for auc in row.aucs)}" for row in rows]
    parts = [
        f"# {title}",
        " ".join(words),
        ablation_table(rows, expected).rstrip(),
        "AUC of each kind of fake against all genuine clips, mean over the seeds:",
        _kinds(rows),
        f"AUC seed by seed ({seeds}):",
        "\n".join(each),
    ]
    return "\n\n".join(parts) + "\n"


def _kinds(rows: Sequence[AblationRow]) -> str:
    """One line per row of the other table, one column per kind of fake."""
    kinds = list(rows[0].by_manipulation)
    lines = [["without", *kinds], ["---"] * (len(kinds) + 1)]
    lines += [[_name(row), *(f"{row.by_manipulation[k]:.2f}" for k in kinds)] for row in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _name(row: AblationRow) -> str:
    return "nothing (reference)" if row.gain is None else f"{'+ ' * row.added}{row.name}"


def _cells(row: AblationRow, expected: Mapping[str, str]) -> tuple[str, ...]:
    gain = "" if row.gain is None else f"{row.gain:+.3f} ({_span(row.gain_interval, '+')})"
    return (
        _name(row),
        f"{row.auc:.3f}",
        _span(row.interval),
        gain,
        "" if row.gain is None else expected.get(row.name, ""),
        f"{row.ece:.3f}",
        "" if row.ms_per_clip is None else f"{row.ms_per_clip:.0f}",
    )


def _span(interval: Interval | None, sign: str = "") -> str:
    return "" if interval is None else f"{interval.low:{sign}.3f} to {interval.high:{sign}.3f}"
