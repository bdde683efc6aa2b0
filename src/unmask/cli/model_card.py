"""`unmask model-card`."""

from pathlib import Path
from typing import Annotated

import typer

from unmask.cli.options import ServedBundle


def command(
    bundle: ServedBundle = None,
    out: Annotated[Path, typer.Option(help="Markdown file to write.")] = Path("MODEL_CARD.md"),
) -> None:
    """Write a detector's model card: what it is, how it was measured, what it cannot do."""
    from unmask.files import atomic_write
    from unmask.serving.analyzer import Analyzer
    from unmask.serving.report.model_card_markdown import to_markdown
    from unmask.serving.report_builder import build_model_card

    loaded = Analyzer.load(bundle).bundle
    with atomic_write(out) as unfinished:
        unfinished.write_text(to_markdown(build_model_card(loaded, loaded.calibration)))
    typer.echo(out)
