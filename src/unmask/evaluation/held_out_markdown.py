"""Markdown report of leave-one-source-out, for a page and for the console."""

from collections.abc import Sequence

from unmask.evaluation.family_rows import FamilyRow, GroupedEstimate
from unmask.evaluation.file_facts import FACTS
from unmask.evaluation.held_out import HeldOutTable, SourceRow
from unmask.markdown_table import markdown_table

FAMILY_HEADER = (
    *("fakes", "score", "fake + genuine", "people, sources", "AUC", "by person", "by source"),
    *("facts alone", "by source", "AUC at equal facts", "by source", "fakes matched"),
    "most unequal fact",
)
SOURCE_HEADER = (
    *("source", "fold", "people", "genuine called fake", "fakes called fake"),
    *("verdicts given", "AUC of its fakes"),
)
NONE = "–"


def held_out_page(table: HeldOutTable, title: str, notes: Sequence[str]) -> str:
    """Return the whole report: notes, results by family, single facts, results by source."""
    parts = [f"# {title}", " ".join([*notes, *_unscored(table)]), *held_out_sections(table)]
    return "\n\n".join(parts) + "\n"


def held_out_sections(table: HeldOutTable) -> tuple[str, ...]:
    """Return the paragraphs of the results by family and by source."""
    return (
        *family_section(table.families),
        "## By source",
        markdown_table(SOURCE_HEADER, [_total_cells(table), *map(_source_cells, table.sources)]),
    )


def family_section(rows: Sequence[FamilyRow]) -> tuple[str, ...]:
    """Return the paragraphs of the results by family: scores, and facts of the files alone."""
    return (
        "## By family of generators",
        markdown_table(FAMILY_HEADER, [_family_cells(row) for row in rows]),
        "AUC of one fact of the files alone:",
        markdown_table(
            ("fakes", "score", *FACTS),
            [
                (row.family, row.score, *(f"{row.single_facts_auc[name]:.2f}" for name in FACTS))
                for row in rows
            ],
        ),
    )


def _unscored(table: HeldOutTable) -> list[str]:
    count = len(table.unscored)
    if not count:
        return []
    return [f"{count} tested {'clip has' if count == 1 else 'clips have'} no score."]


def _family_cells(row: FamilyRow) -> tuple[str, ...]:
    balance = row.unequal_fact_auc
    return (
        row.family,
        row.score,
        f"{row.fakes} + {row.reals}",
        f"{row.people}, {row.sources}",
        f"{row.auc.value:.3f}",
        row.auc.by_person.format_interval(),
        row.auc.by_source.format_interval(),
        *_value_and_interval(row.facts_auc),
        *_value_and_interval(row.equal_facts_auc),
        f"{row.matched_fakes} of {row.fakes}",
        NONE if balance is None else f"{balance:.2f}",
    )


def _value_and_interval(estimate: GroupedEstimate | None) -> tuple[str, str]:
    if estimate is None:
        return NONE, NONE
    return f"{estimate.value:.3f}", estimate.by_source.format_interval()


def _source_cells(row: SourceRow) -> tuple[str, ...]:
    return (
        row.source,
        str(row.fold + 1),
        str(row.people),
        _share(row.reals_called_fake, row.reals),
        _share(row.fakes_called_fake, row.fakes),
        _share(row.verdicts, row.reals + row.fakes),
        NONE if row.auc is None else row.auc.format(),
    )


def _total_cells(table: HeldOutTable) -> tuple[str, ...]:
    rows = table.sources
    reals = _share(sum(row.reals_called_fake for row in rows), sum(row.reals for row in rows))
    fakes = _share(sum(row.fakes_called_fake for row in rows), sum(row.fakes for row in rows))
    verdicts = _share(sum(row.verdicts for row in rows), sum(row.reals + row.fakes for row in rows))
    return "all", f"1 to {table.folds}", "", reals, fakes, verdicts, ""


def _share(count: int, total: int) -> str:
    return f"{count} of {total}" if total else NONE
