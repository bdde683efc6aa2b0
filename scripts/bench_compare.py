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
    """One row of the table.

    Attributes:
        measure: Gives the figure for a checkout; lower is better.
        target: Largest ratio to the base that issue 21 asks for.
        repeated: Whether the figure changes from run to run.
    """

    name: str
    unit: str
    target: float
    measure: Callable[[Arm], float]
    repeated: bool = True


@dataclass(frozen=True, slots=True)
class Row:
    """A measured figure: values in the order of the rounds, or why there are none."""

    name: str
    unit: str
    target: float
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


def measure_rows(figures: Sequence[Figure], arms: tuple[Arm, Arm], rounds: int) -> list[Row]:
    """Measure every figure on both checkouts in turn; a figure that one lacks gets a problem."""
    return [_measure_row(figure, arms, rounds) for figure in figures]


def _measure_row(figure: Figure, arms: tuple[Arm, Arm], rounds: int) -> Row:
    values: dict[str, list[float]] = {arm.name: [] for arm in arms}
    head = figure.name, figure.unit, figure.target
    try:
        for _ in range(rounds if figure.repeated else 1):
            for arm in arms:
                values[arm.name].append(figure.measure(arm))
                print(
                    f"{figure.name}: {arm.name} {values[arm.name][-1]:.4g} {figure.unit}",
                    file=sys.stderr,
                )
    except BenchError as error:
        return Row(*head, problem=str(error))
    base, now = (tuple(values[arm.name]) for arm in arms)
    return Row(*head, base, now)


def to_markdown(rows: Sequence[Row]) -> str:
    """Return the table: medians with their range, and the ratio with that of single rounds."""
    lines = ["| figure | base | now | ratio | target |", "| --- | --- | --- | --- | --- |"]
    for row in rows:
        if row.problem:
            lines.append(f"| {row.name} | – | – | not measured: {row.problem} | ≤ {row.target:g} |")
            continue
        low, high = row.ratios[0], row.ratios[-1]
        ratio = f"{row.ratio:.2f} ({low:.2f}–{high:.2f})"
        cells = f"{_range(row.base)} {row.unit} | {_range(row.now)} {row.unit} | {ratio}"
        lines.append(f"| {row.name} | {cells} | ≤ {row.target:g} |")
    return "\n".join(lines) + "\n"


def _range(values: Sequence[float]) -> str:
    middle = f"{median(values):,.4g}"
    return middle if len(values) == 1 else f"{middle} ({min(values):,.4g}–{max(values):,.4g})"


def analyze_seconds(arm: Arm, clip: Path, *, processor: bool, compiled: bool) -> float:
    """Return the seconds of `unmask analyze` from start to exit.

    Args:
        processor: Of processor time, which other work on the machine changes least.
        compiled: With byte code that was stored before; else each module is compiled.
    """
    command = ("-c", RUN, "analyze", str(clip), "--bundle", str(arm.bundle))
    with TemporaryDirectory(prefix="unmask-bench-") as empty:
        variables = (
            {} if compiled else {"PYTHONPYCACHEPREFIX": empty, "PYTHONDONTWRITEBYTECODE": "1"}
        )
        before, start = resource.getrusage(resource.RUSAGE_CHILDREN), perf_counter()
        arm.run(*command, **variables)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        if not processor:
            return perf_counter() - start
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


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


def figures_for(clip: Path, *, quick: bool) -> list[Figure]:
    """Return the figures of issue 21 that single commands give."""
    length = 10.0 if quick else 30.0

    def analyze(compiled: bool, processor: bool) -> Callable[[Arm], float]:
        return lambda arm: analyze_seconds(arm, clip, compiled=compiled, processor=processor)

    def bench(column: str) -> Callable[[Arm], float]:
        return lambda arm: bench_costs(arm, length, phase=1)["analyze"][column]

    name = "`unmask analyze`, 3 s clip"
    rows = [
        Figure("installed packages of what serves", "MB", 0.2, installed_mb, repeated=False),
        Figure(f"{name}, byte code stored: processor", "s", 0.3, analyze(True, True)),
        Figure(f"{name}, byte code stored: wall", "s", 0.3, analyze(True, False)),
        Figure(f"{name}, no byte code: processor", "s", 0.15, analyze(False, True)),
        Figure(f"`unmask bench`, phase 1, {length:g} s", "s", 0.45, bench("seconds")),
        Figure("peak memory of that bench", "MiB", 0.5, bench("peak_mib")),
    ]
    return rows


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
            figures = [
                figure
                for figure in figures_for(clip, quick=options.quick)
                if options.only in figure.name
            ]
            rows = measure_rows(figures, arms, options.rounds or (3 if options.quick else 5))
    except BenchError as error:
        raise SystemExit(f"bench-compare: {error}") from error
    out = ROOT / OUT
    out.mkdir(parents=True, exist_ok=True)
    (out / "table.json").write_text(json.dumps([asdict(row) for row in rows], indent=2) + "\n")
    (out / "table.md").write_text(to_markdown(rows))
    print(to_markdown(rows), end="")


if __name__ == "__main__":
    main()
