"""Arguments and options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

Manifest = Annotated[Path, typer.Argument(help="Manifest, or the folder that contains it.")]
Bundle = Annotated[Path, typer.Argument(help="Folder of a detector bundle.")]
Phase = Annotated[int, typer.Option(help="Phase in params.yaml: 1, 2 or 3.")]
Profile = Annotated[str, typer.Option(help="Profile in params.yaml: full, field or demo.")]
Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", help="Override a setting: section.key=value; repeatable."),
]
ServedBundle = Annotated[
    Path | None,
    typer.Option(
        "--bundle",
        envvar="UNMASK_BUNDLE",
        help="Folder of a detector bundle; default: the champion, else the released.",
    ),
]
# three commands had called it --out
JsonReport = Annotated[
    Path | None, typer.Option("--json", "--out", help="Also write the report as JSON.")
]
JsonFile = Annotated[Path | None, typer.Option("--json", help="Also write the results as JSON.")]

DATA = Path("data/raw")  # the pinned demo set
