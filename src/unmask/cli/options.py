"""Arguments and options that several commands share, under one name and with one meaning."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from unmask.config import Settings

PROFILE = "demo"  # of every command: it needs no model hub
PROFILES = ("demo", "field", "full")
SPLITS = ("train", "val", "test")
ROLES = ("train", "test", "both", "sealed")


def offer(values: Sequence[str]) -> Callable[[str], list[str]]:
    """Return what a shell offers to complete an option with one of these values."""
    return lambda incomplete: [value for value in values if value.startswith(incomplete)]


Manifest = Annotated[Path, typer.Argument(help="Manifest, or the folder that contains it.")]
Bundle = Annotated[Path, typer.Argument(help="Folder of a detector bundle.")]
Phase = Annotated[int, typer.Option(envvar="UNMASK_PHASE", help="Phase in params.yaml: 1, 2 or 3.")]
Profile = Annotated[
    str,
    typer.Option(
        envvar="UNMASK_PROFILE",
        help="Profile in params.yaml: full, field or demo.",
        autocompletion=offer(PROFILES),
    ),
]
Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", help="Override a setting: section.key=value; repeatable."),
]
Jobs = Annotated[int, typer.Option(min=1, envvar="UNMASK_JOBS", help="Parallel processes.")]
Split = Annotated[
    str,
    typer.Option(help="Split of the clips: train, val or test.", autocompletion=offer(SPLITS)),
]
Role = Annotated[
    str,
    typer.Option(
        help="What the data set is for. train: without the authors' test clips; test: those "
        "alone, or all clips where the authors have none; both: all; sealed: seal those of test.",
        autocompletion=offer(ROLES),
    ),
]
ServedBundle = Annotated[
    Path | None,
    typer.Option(
        "--bundle",
        envvar="UNMASK_BUNDLE",
        help="Folder of a detector bundle; default: the champion, else the released.",
    ),
]
JsonFile = Annotated[Path | None, typer.Option("--json", help="Also write the results as JSON.")]

DATA = Path("data/raw")  # the pinned demo set


@dataclass(frozen=True, slots=True)
class Scope:
    """Which settings of ``params.yaml`` a command works with."""

    phase: Phase = 1
    profile: Profile = PROFILE
    set_: Overrides = None

    def load_settings(self, *defaults: str) -> "Settings":
        """Read ``params.yaml``; ``defaults`` are overrides that ``--set`` may override again.

        Raises:
            ConfigError: See :func:`unmask.config.load_settings`.
        """
        from unmask.config import load_settings

        overrides = (*defaults, *(self.set_ or ()))
        return load_settings(phase=self.phase, profile=self.profile, overrides=overrides)
