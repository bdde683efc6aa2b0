"""Compare this checkout with an earlier commit: both run in turn, and a table gives the ratios.

``python scripts/bench_compare.py BASE`` (`make bench-compare BASE=…`) puts the files of BASE into
``outputs/bench-compare/<commit>``, with an environment of their own where their requirements.lock
is another. Every figure is measured as A B A B …, so that a machine that changes its speed does not
favour either. ``--quick`` takes some minutes of processor time.
"""

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

ROOT = Path(__file__).resolve().parents[1]
OUT = Path("outputs/bench-compare")
DECLARED = ("requirements.lock", "pyproject.toml")  # what an environment depends on
UNTRAINED = "--untrained"
RUN = "from unmask.cli.app import main; main()"
WRITE_CLIP = """
import sys
from pathlib import Path
from unmask.data.demo.benchmark_clip import write_benchmark_clip
write_benchmark_clip(Path(sys.argv[1]), float(sys.argv[2]))
"""
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


class BenchError(Exception):
    """Why the two commits cannot be compared."""


@dataclass(frozen=True, slots=True)
class Arm:
    """One of the two checkouts.

    Attributes:
        name: ``base`` or ``now``.
        python: Interpreter with the requirements of the checkout.
        bundle: Detector that `unmask analyze` runs.
    """

    name: str
    folder: Path
    python: Path
    bundle: Path

    def run(self, *arguments: str, **variables: str) -> str:
        """Run Python in the checkout, and return what it prints.

        Raises:
            BenchError: It fails; the message has its last line.
        """
        environment = {**os.environ, "PYTHONPATH": str(self.folder / "src"), **variables}
        process = subprocess.run(
            [str(self.python), *arguments],
            cwd=self.folder,
            env=environment,
            check=False,
            capture_output=True,
            text=True,
        )
        if process.returncode:
            lines = process.stderr.strip().splitlines() or ["it says nothing"]
            raise BenchError(f"{self.name}: {lines[-1]}")
        return process.stdout


@dataclass(frozen=True, slots=True)
class Figure:
    """One row of the table; lower is better.

    Attributes:
        target: Largest ratio to the base that issue 21 asks for.
    """

    name: str
    unit: str
    target: float


@dataclass(frozen=True, slots=True)
class Measurement:
    """Figures that one run of a command gives.

    Attributes:
        measure: Gives their values for a checkout.
        repeated: Whether they change from run to run.
    """

    figures: tuple[Figure, ...]
    measure: Callable[[Arm], Sequence[float]]
    repeated: bool = True


@dataclass(frozen=True, slots=True)
class Row:
    """A measured figure: values in the order of the rounds, or why there are none."""

    figure: Figure
    base: tuple[float, ...] = ()
    now: tuple[float, ...] = ()
    problem: str = ""

    @property
    def ratio(self) -> float:
        """Median now over median at the base."""
        return median(self.now) / median(self.base)

    @property
    def ratios(self) -> list[float]:
        """Ratio of each round, ascending."""
        return sorted(now / base for base, now in zip(self.base, self.now, strict=True))


def measure_rows(
    measurements: Sequence[Measurement], arms: tuple[Arm, Arm], rounds: int
) -> list[Row]:
    """Measure everything on both checkouts in turn; what one of them lacks gets a problem."""
    return [row for each in measurements for row in _measure(each, arms, rounds)]


def _measure(measurement: Measurement, arms: tuple[Arm, Arm], rounds: int) -> list[Row]:
    runs: dict[str, list[Sequence[float]]] = {arm.name: [] for arm in arms}
    try:
        for _ in range(rounds if measurement.repeated else 1):
            for arm in arms:
                values = measurement.measure(arm)
                runs[arm.name].append(values)
                for figure, value in zip(measurement.figures, values, strict=True):
                    print(f"{arm.name}: {figure.name} {value:.4g} {figure.unit}", file=sys.stderr)
    except BenchError as error:
        return [Row(figure, problem=str(error)) for figure in measurement.figures]
    columns = [list(zip(*runs[arm.name], strict=True)) for arm in arms]
    return [Row(*row) for row in zip(measurement.figures, *columns, strict=True)]


def to_markdown(rows: Sequence[Row]) -> str:
    """Return the table: medians with their range, and the ratio with that of single rounds."""
    lines = ["| figure | base | now | ratio | target |", "| --- | --- | --- | --- | --- |"]
    for row in rows:
        name, unit, target = row.figure.name, row.figure.unit, f"≤ {row.figure.target:g}"
        if row.problem:
            lines.append(f"| {name} | – | – | not measured: {row.problem} | {target} |")
            continue
        ratio = f"{row.ratio:.2f} ({row.ratios[0]:.2f}–{row.ratios[-1]:.2f})"
        cells = f"{_range(row.base)} {unit} | {_range(row.now)} {unit} | {ratio}"
        lines.append(f"| {name} | {cells} | {target} |")
    return "\n".join(lines) + "\n"


def _range(values: Sequence[float]) -> str:
    middle = f"{median(values):,.4g}"
    return middle if len(values) == 1 else f"{middle} ({min(values):,.4g}–{max(values):,.4g})"


def analyze_seconds(arm: Arm, clip: Path, *, compiled: bool) -> tuple[float, float]:
    """Return the seconds of processor and of the clock that `unmask analyze` takes, start to exit.

    Args:
        compiled: With byte code that was stored before; else each module is compiled.
    """
    command = ("-c", RUN, "analyze", str(clip), "--bundle", str(arm.bundle))
    with TemporaryDirectory(prefix="unmask-bench-") as empty:
        variables = (
            {} if compiled else {"PYTHONPYCACHEPREFIX": empty, "PYTHONDONTWRITEBYTECODE": "1"}
        )
        before, start = resource.getrusage(resource.RUSAGE_CHILDREN), perf_counter()
        arm.run(*command, **variables)
        wall_s = perf_counter() - start
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, wall_s


def bench_costs(arm: Arm, seconds: float, phase: int) -> Mapping[str, Mapping[str, float]]:
    """Return what `unmask bench` measures on an untrained detector of full size, by stage."""
    with TemporaryDirectory(prefix="unmask-bench-") as folder:
        out = Path(folder) / "costs.json"
        arguments = ["--seconds", f"{seconds:g}", "--phase", f"{phase}", "--json", str(out)]
        if UNTRAINED in arm.run("-c", RUN, "bench", "--help", COLUMNS="200"):
            arguments += [UNTRAINED, "--profile", "full"]  # earlier, full size was the default
        arm.run("-c", RUN, "bench", *arguments)
        costs: Mapping[str, Mapping[str, float]] = json.loads(out.read_text())
        return costs


def measurements_for(clip: Path, *, quick: bool) -> list[Measurement]:
    """Return what single commands give of the figures of issue 21."""
    length = 10.0 if quick else 30.0

    def analyze(state: str, target: float, *, compiled: bool) -> Measurement:
        name = f"`unmask analyze`, 3 s clip, {state}"
        figures = (
            Figure(f"{name}: processor", "s", target),
            Figure(f"{name}: wall", "s", target),
        )
        return Measurement(figures, lambda arm: analyze_seconds(arm, clip, compiled=compiled))

    def bench(arm: Arm) -> tuple[float, float]:
        whole = bench_costs(arm, length, phase=1)["analyze"]
        return whole["seconds"], whole["peak_mib"]

    installed = Figure("installed packages of what serves", "MB", 0.2)
    name = f"`unmask bench`, phase 1, {length:g} s"
    return [
        Measurement((installed,), lambda arm: (installed_mb(arm),), repeated=False),
        analyze("byte code stored", 0.3, compiled=True),
        analyze("no byte code", 0.15, compiled=False),
        Measurement((Figure(name, "s", 0.45), Figure(f"{name}: peak memory", "MiB", 0.5)), bench),
    ]


def installed_mb(arm: Arm) -> float:
    """Return the size of all packages that a packaged service installs, in MB."""
    return float(arm.run("-c", INSTALLED_MB))


def git(*arguments: str, root: Path = ROOT) -> str:
    """Return the output of git.

    Raises:
        BenchError: It fails.
    """
    process = subprocess.run(
        ["git", *arguments], cwd=root, check=False, capture_output=True, text=True
    )
    if process.returncode:
        raise BenchError(process.stderr.strip() or f"git {arguments[0]} failed")
    return process.stdout.strip()


def check_out(base: str, root: Path = ROOT) -> Path:
    """Return a folder with the files of a commit, made if it is not there.

    Raises:
        BenchError: There is no such commit.
    """
    try:
        commit = git("rev-parse", "--verify", "--quiet", f"{base}^{{commit}}", root=root)
    except BenchError as error:
        raise BenchError(f"{base}: no such commit") from error
    folder = root / OUT / commit[:12]
    if not (folder / "pyproject.toml").is_file():
        git("worktree", "prune", root=root)
        git("worktree", "add", "--detach", "--force", str(folder), commit, root=root)
    return folder


def interpreter(folder: Path, root: Path = ROOT) -> Path:
    """Return a Python with the requirements of a checkout; this one's, where they are the same.

    Raises:
        BenchError: They cannot be installed.
    """
    lock = "requirements.lock"
    if all((folder / name).read_bytes() == (root / name).read_bytes() for name in DECLARED):
        return Path(sys.executable)
    python = folder / ".venv/bin/python"
    if not python.is_file():
        uv = Path(sys.executable).with_name("uv")
        for command in (
            ("venv", "--python", sys.executable, str(folder / ".venv")),
            ("pip", "sync", "--python", str(python), "--require-hashes", lock),
            ("pip", "install", "--python", str(python), "--no-deps", "--editable", "."),
        ):
            process = subprocess.run([str(uv), *command, "--quiet"], cwd=folder, check=False)
            if process.returncode:
                shutil.rmtree(folder / ".venv", ignore_errors=True)
                raise BenchError(f"{folder}: uv {' '.join(command[:2])} failed")
    return python


def parse_options(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("base", help="commit that is 1 in the table")
    parser.add_argument("--bundle", type=Path, help="detector; default: the released one")
    parser.add_argument("--quick", action="store_true", help="three rounds, a bench of 10 s")
    parser.add_argument("--rounds", type=int, help="rounds; default: 5, and 3 with --quick")
    parser.add_argument("--only", default="", help="figures whose names contain this")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Compare, print the table, and write it to ``outputs/bench-compare``."""
    options = parse_options(arguments)
    try:
        folder = check_out(options.base)
        bundle = (options.bundle or ROOT / "data/field-detector").resolve()
        arms = (
            Arm("base", folder, interpreter(folder), bundle),
            Arm("now", ROOT, Path(sys.executable), bundle),
        )
        with TemporaryDirectory(prefix="unmask-bench-") as temporary:
            clip = Path(temporary) / "talking.mp4"
            arms[1].run("-c", WRITE_CLIP, str(clip), "3")
            measurements = [
                each
                for each in measurements_for(clip, quick=options.quick)
                if any(options.only in figure.name for figure in each.figures)
            ]
            rows = measure_rows(measurements, arms, options.rounds or (3 if options.quick else 5))
    except BenchError as error:
        raise SystemExit(f"bench-compare: {error}") from error
    out = ROOT / OUT
    out.mkdir(parents=True, exist_ok=True)
    (out / "table.json").write_text(json.dumps([asdict(row) for row in rows], indent=2) + "\n")
    (out / "table.md").write_text(to_markdown(rows))
    print(to_markdown(rows), end="")


if __name__ == "__main__":
    main()
