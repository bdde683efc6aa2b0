"""`unmask loadtest`: throughput, latency and memory of a running service under load."""

import json
import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from unmask.cli.options import JsonFile

CLIP_S = 5.0


def command(
    url: Annotated[
        str, typer.Argument(help="Base URL of a running service.")
    ] = "http://127.0.0.1:3000",
    submissions: Annotated[int, typer.Option(min=1, help="Number of submissions.")] = 200,
    clients: Annotated[int, typer.Option(min=1, help="Parallel clients.")] = 20,
    video: Annotated[
        Path | None, typer.Option(help="Video to submit; default: five synthetic seconds.")
    ] = None,
    size_mib: Annotated[float, typer.Option(help="Size that uploads are padded to, MiB.")] = 5.0,
    json_out: JsonFile = None,
) -> None:
    """Submit many videos in parallel, wait for every job, and report time, memory and losses.

    The API key is read from the environment variable UNMASK_API_KEY.
    """
    from unmask.cli.load_generator import MIB, LoadTest

    content = video.read_bytes() if video else _synthetic_clip()
    test = LoadTest(url, content, round(size_mib * MIB), os.environ.get("UNMASK_API_KEY"))
    text = json.dumps(test.run(submissions, clients), indent=2)
    typer.echo(text)
    if json_out is not None:
        json_out.parent.mkdir(parents=True, exist_ok=True)
        json_out.write_text(f"{text}\n")


def _synthetic_clip() -> bytes:
    from unmask.data.demo.benchmark_clip import write_benchmark_clip
    from unmask.native_stderr import suppress_native_stderr

    with TemporaryDirectory(prefix="unmask-load-") as folder, suppress_native_stderr():
        path = Path(folder) / "talking.mp4"
        write_benchmark_clip(path, CLIP_S)
        return path.read_bytes()
