"""Arguments and options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

Manifest = Annotated[Path, typer.Argument(help="Manifest, or the folder that contains it.")]
Bundle = Annotated[Path, typer.Argument(help="Folder of a detector bundle.")]
Phase = Annotated[int, typer.Option(help="Phase in params.yaml: 1, 2 or 3.")]
Profile = Annotated[str, typer.Option(help="Profile in params.yaml: full, field or demo.")]
Params = Annotated[Path, typer.Option(help="Settings file.")]
Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", help="Override a setting: section.key=value; repeatable."),
]
JsonFile = Annotated[Path | None, typer.Option("--json", help="Also write the results as JSON.")]

PARAMS = Path("params.yaml")
DATA = Path("data/raw")  # the pinned demo set
