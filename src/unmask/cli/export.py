"""`unmask export`."""

from pathlib import Path
from typing import Annotated

import typer

from unmask.cli.options import Bundle


def command(
    bundle: Bundle,
    clip: Annotated[
        list[Path] | None,
        typer.Option(help="Also check the graphs on this video; may be given several times."),
    ] = None,
) -> None:
    """Write a detector's networks as ONNX graphs beside its weights, and check them.

    Each graph has to give what torch gives, on random inputs and on the given videos.
    """
    from rich.console import Console
    from rich.table import Table

    from unmask.config import FlowSettings
    from unmask.models.bundle import load_bundle
    from unmask.models.graphs.export import export_graphs
    from unmask.models.graphs.index import GRAPHS
    from unmask.models.padding import usable_samples
    from unmask.preprocessing.prepare import iter_windows, to_model_inputs

    loaded = load_bundle(bundle)
    flow = FlowSettings(enabled=loaded.settings.flow)
    lips = loaded.preprocessing.lips.replace(enabled=loaded.sync is not None)
    spec = loaded.preprocessing.replace(flow=flow, lips=lips)
    samples = [
        sample
        for path in clip or ()
        for window in iter_windows(path, spec)
        for sample in usable_samples(to_model_inputs(window), loaded.settings)
    ]
    index = export_graphs(bundle, loaded, samples)
    table = Table("graph", "MB", "largest difference from torch")
    for row in index["graphs"].values():
        differences = ", ".join(
            f"{name} {value:.0e}" for name, value in row["max_difference"].items()
        )
        table.add_row(f"{GRAPHS}/{row['file']}", f"{row['bytes'] / 1e6:.1f}", differences)
    Console().print(table)
