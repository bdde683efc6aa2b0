"""`unmask eval crosseval`: a frozen detector on other data sets."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unmask.cli.cluster_options import with_cluster
from unmask.cli.options import Bundle, Jobs, JsonFile

if TYPE_CHECKING:
    from unmask.evaluation.cross_dataset import CrossEvaluation

DatasetOptions = Annotated[
    list[str],
    typer.Option(
        "--on",
        help="A data set as NAME=FOLDER, such as celebdf=/data/Celeb-DF-v2; repeatable.",
    ),
]
Frames = Annotated[
    int,
    typer.Option(
        min=0,
        help="Score so many evenly spaced frames of each clip, 32 in most papers; 0 scores clips "
        "as in serving.",
    ),
]
HtmlFile = Annotated[Path | None, typer.Option("--html", help="Also write the results as a page.")]


@with_cluster
def command(
    bundle: Bundle,
    on: DatasetOptions,
    frames: Frames = 0,
    json: JsonFile = None,
    html: HtmlFile = None,
    jobs: Jobs = 2,
) -> None:
    """Score the test clips of data sets that a detector was not trained on, and measure it.

    `python -m pipelines crosseval` does the same and logs to MLflow.
    """
    evaluation = run_crosseval(bundle, on, frames, jobs)
    write_results(evaluation, json, html)


def run_crosseval(bundle: Path, on: Sequence[str], frames: int, jobs: int) -> "CrossEvaluation":
    """Evaluate the bundle on all data sets, and print the tables and notes.

    Args:
        on: ``NAME=FOLDER`` each.

    Raises:
        ConfigError: See :func:`unmask.data.datasets.several.parse_test_sets`.
        DataError: A folder has no known layout, or none of its test clips can be opened.
    """
    from rich.console import Console

    from unmask.config import EvaluationSettings
    from unmask.data.datasets.several import parse_test_sets
    from unmask.evaluation.cross_dataset_tables import console_tables
    from unmask.preprocessing.cache import Cache
    from unmask.training.cross_dataset import CrossOptions, evaluate_on_folders

    folders = {source.name: source.folder for source in parse_test_sets(on)}
    options = CrossOptions(frames, jobs=jobs)
    evaluation = evaluate_on_folders(bundle, folders, Cache(), EvaluationSettings(), options)
    for table in console_tables(evaluation):
        Console().print(table)
    for note in evaluation.notes:
        typer.echo(note)
    return evaluation


def write_results(evaluation: "CrossEvaluation", json: Path | None, html: Path | None) -> None:
    """Write the results as JSON and as a page, where files are given."""
    from unmask.evaluation.cross_dataset_tables import write_page
    from unmask.evaluation.serialization import save

    if json is not None:
        typer.echo(f"written: {save(evaluation, json)}")
    if html is not None:
        typer.echo(f"written: {write_page(evaluation, html)}")
