"""`unmask export`."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from unmask.cli.options import Bundle

if TYPE_CHECKING:
    from unmask.models.bundle import Bundle as LoadedBundle
    from unmask.records import ModelInput


def command(
    bundle: Bundle,
    clip: Annotated[
        list[Path] | None,
        typer.Option(help="Also check the graphs on this video; may be given several times."),
    ] = None,
    measure: Annotated[
        bool,
        typer.Option(
            "--measure",
            help="Only choose the engines again, on this machine, for graphs that are there.",
        ),
    ] = False,
) -> None:
    """Write a detector's networks as ONNX graphs beside its weights, and check them.

    Each graph has to give what torch gives, on random inputs and on the given videos. The engine
    that runs each of them is chosen by its time on this machine.
    """
    from unmask.models.bundle_metadata import read_metadata

    read_metadata(bundle)
    _print_times(_measure(bundle) if measure else _export(bundle, clip or ()))


def _measure(bundle: Path) -> dict[str, Any]:
    """Choose the engines of graphs that are there, without torch."""
    from unmask.files import file_sha256
    from unmask.models.bundle_metadata import METADATA
    from unmask.models.graphs.engine_choice import measure_engines

    return measure_engines(bundle, file_sha256(bundle / METADATA))


def _export(folder: Path, clips: Sequence[Path]) -> dict[str, Any]:
    """Write and check the graphs, print how far they are from torch, and choose the engines."""
    from unmask.models.bundle import load_bundle
    from unmask.models.graphs.engine_choice import measure_engines
    from unmask.models.graphs.export import export_graphs
    from unmask.models.graphs.torch_graphs import torch_graphs

    loaded = load_bundle(folder)
    _print_differences(export_graphs(folder, loaded, _samples(loaded, clips))["graphs"])
    return measure_engines(folder, loaded.sha256, torch_graphs(loaded))


def _samples(loaded: "LoadedBundle", clips: Sequence[Path]) -> "list[ModelInput]":
    """Return what the detector scores in the clips."""
    from unmask.config import FlowSettings
    from unmask.models.padding import usable_samples
    from unmask.preprocessing.prepare import iter_windows, to_model_inputs

    flow = FlowSettings(enabled=loaded.settings.flow)
    lips = loaded.preprocessing.lips.replace(enabled=loaded.sync is not None)
    spec = loaded.preprocessing.replace(flow=flow, lips=lips)
    return [
        sample
        for path in clips
        for window in iter_windows(path, spec)
        for sample in usable_samples(to_model_inputs(window), loaded.settings)
    ]


def _print_differences(graphs: Mapping[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    from unmask.models.graphs.index import GRAPHS

    table = Table("graph", "MB", "largest difference from torch")
    for row in graphs.values():
        differences = ", ".join(
            f"{name} {value:.0e}" for name, value in row["max_difference"].items()
        )
        table.add_row(f"{GRAPHS}/{row['file']}", f"{row['bytes'] / 1e6:.1f}", differences)
    Console().print(table)


def _print_times(times: Mapping[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    rows = times["graphs"]
    engines = list(dict.fromkeys(engine for row in rows.values() for engine in row["seconds"]))
    title = f"ms for {times['video_s']} s of video, {times['threads']} thread(s)"
    table = Table("network", *engines, "chosen", title=title, title_justify="left")
    table.caption, table.caption_justify = times["processor"], "left"
    for name, row in rows.items():
        seconds = [row["seconds"].get(engine) for engine in engines]
        cells = [
            "–" if value is None else f"{1e3 * value * row['calls']:,.1f}" for value in seconds
        ]
        table.add_row(name, *cells, row["engine"])
    Console().print(table)
