"""`unmask bench`: speed and memory of an analysis on this machine."""

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unmask.cli.option_group import expand_options
from unmask.cli.options import JsonFile, Scope, ServedBundle

if TYPE_CHECKING:
    from unmask.config import ModelSettings
    from unmask.models.bundle import Bundle
    from unmask.serving.profiling import StageCost

# part of a detector → settings that members of an ensemble with the same part agree in
ENCODERS = {
    "frame": ("frame_backbone", "input_px", "trainable"),
    "voice": ("voice_backbone", "voice_frozen_layers"),
}


@expand_options("scope", Scope)
def command(
    json_out: JsonFile = None,
    seconds: Annotated[float, typer.Option(min=1.0, help="Length of the clip in seconds.")] = 30.0,
    bundle: ServedBundle = None,
    untrained: Annotated[
        bool,
        typer.Option(
            "--untrained", help="Measure random weights in the size of phase and profile instead."
        ),
    ] = False,
    *,
    scope: Scope,
) -> None:
    """Measure time and memory of every stage of analyzing a synthetic 720p clip.

    An untrained detector runs by graphs, as what is packaged does; with UNMASK_ENGINE=torch by
    its weights.
    """
    import multiprocessing
    from concurrent.futures import ProcessPoolExecutor
    from dataclasses import asdict
    from tempfile import TemporaryDirectory

    from rich.console import Console

    # separate processes, so that making clip and detector does not count as memory of the analysis
    spawn = multiprocessing.get_context("spawn")
    with TemporaryDirectory(prefix="unmask-bench-") as folder:
        clip = Path(folder) / "talking.mp4"
        status = Console(stderr=True).status(f"generating a clip of {seconds:g} s")
        with status, ProcessPoolExecutor(1, spawn) as worker:
            worker.submit(_write_clip, clip, seconds).result()
        if untrained:
            bundle = Path(folder) / "untrained"
            status = Console(stderr=True).status("making an untrained detector")
            with status, ProcessPoolExecutor(1, spawn) as worker:
                worker.submit(_write_untrained, bundle, scope).result()
        status = Console(stderr=True).status("analyzing")
        with status, ProcessPoolExecutor(1, spawn) as worker:
            costs = worker.submit(_measure, clip, bundle).result()
    _print(costs, seconds)
    if json_out is not None:
        json_out.parent.mkdir(parents=True, exist_ok=True)
        rows = {stage: asdict(cost) for stage, cost in costs.items()}
        json_out.write_text(json.dumps(rows, indent=2) + "\n")


def _write_clip(clip: Path, seconds: float) -> None:
    from unmask.data.demo.benchmark_clip import write_benchmark_clip
    from unmask.native_stderr import suppress_native_stderr

    with suppress_native_stderr():
        write_benchmark_clip(clip, seconds)


def _measure(clip: Path, bundle: Path | None) -> "dict[str, StageCost]":
    from unmask.native_stderr import suppress_native_stderr

    with suppress_native_stderr():
        from unmask.serving.analyzer import Analyzer
        from unmask.serving.profiling import profile_analysis

        return profile_analysis(Analyzer.load(bundle), clip)


def _write_untrained(folder: Path, size: Scope) -> None:
    """Write an untrained detector, with graphs unless torch is to run it."""
    from unmask.engine.options import TORCH, EngineOptions
    from unmask.models.bundle import load_bundle, save_bundle
    from unmask.models.graphs.export import export_graphs
    from unmask.native_stderr import suppress_native_stderr

    with suppress_native_stderr():
        save_bundle(folder, _untrained(size))
        if EngineOptions.from_environment().engine != TORCH:
            export_graphs(folder, load_bundle(folder))


def _untrained(size: Scope) -> "Bundle":
    """Return a detector with random weights and with flow.

    Members of an ensemble share the weights that trained members share.
    """
    from unmask.models.bundle import Bundle
    from unmask.models.calibration.platt import Calibration
    from unmask.models.detector import Detector
    from unmask.models.ensemble.weight_packing import share_parameters
    from unmask.models.lipsync.network import SyncNet
    from unmask.training.detector.ensemble import member_settings

    random_weights = ("model.frame_weights=random", "model.voice_weights=random", "model.flow=true")
    settings = size.load_settings(*random_weights)
    models = [member.model for member in member_settings(settings)]
    first, *others = (Detector(model).eval() for model in models)
    names = [name for name, value in first.named_parameters() if not value.requires_grad]
    if settings.ensemble.shared_frames:
        names += [name for name in first.state_dict() if name.startswith("frame.")]
    for model, other in zip(models[1:], others, strict=True):
        same = {part for part, keys in ENCODERS.items() if _agree(models[0], model, keys)}
        share_parameters(first, other, [name for name in names if name.split(".")[0] in same])
    for detector in (first, *others):
        detector.frame.merge_adapters()
    sync = SyncNet(settings.sync.dim) if settings.sync.enabled else None
    calibration = Calibration(sync_weight=settings.sync.weight)
    return Bundle(
        members=(first, *others),
        preprocessing=settings.preprocessing,
        calibration=calibration,
        phase=size.phase,
        profile=size.profile,
        sync=sync,
        uncertainty=settings.uncertainty,
    )


def _agree(first: "ModelSettings", other: "ModelSettings", keys: tuple[str, ...]) -> bool:
    return all(getattr(first, key) == getattr(other, key) for key in keys)


def _print(costs: "dict[str, StageCost]", seconds: float) -> None:
    from rich.console import Console
    from rich.table import Table

    title = f"{seconds:g} s of 720p on {os.cpu_count()} cores"
    table = Table(title=title, title_justify="left", caption_justify="left")
    table.caption = "× real time: seconds of video per second; peak: memory of the whole process"
    table.add_column("stage")
    for name in ("seconds", "× real time", "peak MiB"):
        table.add_column(name, justify="right")
    for stage, cost in costs.items():
        if stage == "analyze":
            table.add_section()
        factor = f"{cost.real_time_factor:,.1f}" if cost.seconds >= 0.001 else "–"
        row = (f"{cost.seconds:.2f}", factor, f"{cost.peak_mib:,.0f}")
        table.add_row(stage.replace("_", " "), *row)
    Console().print(table)
