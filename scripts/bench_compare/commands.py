"""Figures of single commands: `unmask analyze`, `unmask bench`, and the installed size."""

import json
import resource
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from scripts.bench_compare.arms import RUN, Arm

UNTRAINED = "--untrained"
# members that differ in weights alone, as all did once
SAME_ENCODERS = ("frame_backbones", "inputs_px", "trainables", "voice_backbones")
# what a packaged service installs: its extra is `serve`, and was `service` before that
INSTALLED_MB = """
from importlib.metadata import distribution, metadata
from pathlib import Path
from packaging.requirements import Requirement

extra = "serve" if "serve" in metadata("unmask").get_all("Provides-Extra") else "service"
queue, seen, sizes = [Requirement(f"unmask[{extra}]")], set(), {}
while queue:
    wanted = queue.pop()
    for extra in {"", *wanted.extras} - {extra for name, extra in seen if name == wanted.name}:
        seen.add((wanted.name, extra))
        package = distribution(wanted.name)
        paths = [Path(package.locate_file(file)) for file in package.files or []]
        files = [path for path in paths if path.is_file() and path.suffix != ".pyc"]
        sizes[package.name.lower()] = sum(path.stat().st_size for path in files)
        rows = map(Requirement, package.requires or [])
        queue += [row for row in rows if not row.marker or row.marker.evaluate({"extra": extra})]
print(sum(sizes.values()) / 1e6)
"""


def analyze_seconds(arm: Arm, clip: Path, *, compiled: bool) -> tuple[float, float]:
    """Return the seconds of processor and of the clock that `unmask analyze` takes, start to exit.

    Args:
        compiled: With byte code that was stored before; else each module is compiled.
    """
    command = ("-c", RUN, "analyze", str(clip), "--bundle", str(arm.bundle))
    with TemporaryDirectory(prefix="unmask-bench-") as empty:
        variables = (
            {"PYTHONDONTWRITEBYTECODE": ""}
            if compiled
            else {"PYTHONPYCACHEPREFIX": empty, "PYTHONDONTWRITEBYTECODE": "1"}
        )
        before, start = resource.getrusage(resource.RUSAGE_CHILDREN), perf_counter()
        arm.run(*command, variables=variables)
        wall_s = perf_counter() - start
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, wall_s


def bench_costs(
    arm: Arm, seconds: float, phase: int, members: int = 0
) -> Mapping[str, Mapping[str, float]]:
    """Return what `unmask bench` measures on an untrained detector of full size, by stage.

    Args:
        members: Detectors of an ensemble that share the frame encoder; 0 for that of the phase.
    """
    with TemporaryDirectory(prefix="unmask-bench-") as folder:
        out = Path(folder) / "costs.json"
        arguments = ["--seconds", f"{seconds:g}", "--phase", f"{phase}", "--json", str(out)]
        overrides = [f"members={members}", "shared_frames=true"] if members else []
        if UNTRAINED in arm.run("-c", RUN, "bench", "--help", variables={"COLUMNS": "200"}):
            arguments += [UNTRAINED, "--profile", "full"]  # earlier, full size was the default
            overrides += [f"{name}=[]" for name in SAME_ENCODERS] if members else []
        for override in overrides:
            arguments += ["--set", f"ensemble.{override}"]
        arm.run("-c", RUN, "bench", *arguments)
        costs: Mapping[str, Mapping[str, float]] = json.loads(out.read_text())
        return costs


def bench_phase_1(arm: Arm, seconds: float) -> Sequence[float]:
    """Return the seconds and the peak MiB of phase 1."""
    whole = bench_costs(arm, seconds, phase=1)["analyze"]
    return whole["seconds"], whole["peak_mib"]


def bench_five_by_one(arm: Arm, seconds: float) -> Sequence[float]:
    """Return how many times the time of one detector of phase 3 five members take."""
    five, single = (
        bench_costs(arm, seconds, 3, members)["analyze"]["seconds"] for members in (5, 1)
    )
    return (five / single,)


def installed_mb(arm: Arm) -> float:
    """Return the size of all packages that a packaged service installs, in MB."""
    return float(arm.run("-c", INSTALLED_MB))
