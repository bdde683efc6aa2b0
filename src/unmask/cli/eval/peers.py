"""`unmask eval peers`: published detectors on labelled clips."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from unmask.cli.experiment.leave_one_source_out import Folds, Manifests
from unmask.cli.option_group import expand_options
from unmask.cli.options import Phase, Scope

Peers = Annotated[
    list[str] | None,
    typer.Option(help="A published detector, such as aasist; repeatable. Default: all of them."),
]
OutFolder = Annotated[Path, typer.Option(help="Folder for the results.")]
OUT = Path("outputs/peers")


@dataclass(frozen=True, slots=True)
class PeerScope(Scope):
    """Settings of preprocessing, with mouth crops."""

    phase: Phase = 3


@expand_options("scope", PeerScope)
def command(
    manifests: Manifests,
    peer: Peers = None,
    folds: Folds = None,
    out: OutFolder = OUT,
    *,
    scope: PeerScope,
) -> None:
    """Measure detectors that others have published, by their own weights and preprocessing.

    Faces and sound are prepared with the settings of phase and profile. `unmask experiment
    leave-one-source-out` measures those that were fetched beside the detectors trained here.
    """
    from rich.console import Console
    from rich.markdown import Markdown

    from unmask.data.datasets.joined_sets import read_joined_sets
    from unmask.evaluation.peer_table import peers_page
    from unmask.evaluation.serialization import save
    from unmask.preprocessing.cache import Cache
    from unmask.training.experiments.source_folds import group_sources
    from unmask.training.peers.detectors import PEERS, check_peers
    from unmask.training.peers.measure import measure_notes, measure_peers

    names = tuple(peer or PEERS)
    check_peers(names)
    settings = scope.load_settings()
    clips = read_joined_sets(manifests)
    table = measure_peers(clips, group_sources(clips, folds), names, settings, Cache())
    page = peers_page(table, measure_notes(clips))
    Console().print(Markdown(page))
    written = save(table, out / "report.json")
    report = out / "report.md"
    report.write_text(page)
    typer.echo(f"written: {written}, {report}")
