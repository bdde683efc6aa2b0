"""`unmask loadtest`: throughput, latency and memory of a running service under load."""

import json
import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer

from unmask.cli.load_schedule import Schedule
from unmask.cli.option_group import expand_options
from unmask.cli.options import JsonFile

CLIP_S = 5.0


@expand_options("schedule", Schedule)
def command(
    url: Annotated[
        str, typer.Argument(help="Base URL of a running service.")
    ] = "http://127.0.0.1:3000",
    clients: Annotated[int, typer.Option(min=1, help="Parallel clients.")] = 20,
    video: Annotated[
        Path | None, typer.Option(help="Video to submit; default: five synthetic seconds.")
    ] = None,
    size_mib: Annotated[float, typer.Option(help="Size that uploads are padded to, MiB.")] = 5.0,
    json_out: JsonFile = None,
    *,
    schedule: Schedule,
) -> None:
    """Submit many videos in parallel, wait for every job, and report time, memory and losses.

    With --rate and --duration it is a soak test: so many submissions over so long a time, also
    where jobs take longer. The API key is read from the environment variable UNMASK_API_KEY.
    """
    from unmask.cli.load_generator import LoadTest
    from unmask.cli.process_memory import MIB

    submissions, pace = schedule.plan()
    content = video.read_bytes() if video else _synthetic_clip()
    test = LoadTest(url, content, round(size_mib * MIB), os.environ.get("UNMASK_API_KEY"))
    text = json.dumps(test.run(submissions, clients, pace), indent=2)
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
