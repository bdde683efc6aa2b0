"""``python -m scripts.bench_compare BASE`` (`make bench-compare BASE=…`).

The files of BASE lie in ``outputs/bench-compare/<commit>``, with an environment of their own where
their requirements.lock is another. Every figure is measured as A B A B …, so that a machine that
changes its speed does not favour either.
"""

import argparse
import json
import shutil
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

from scripts.bench_compare.arms import OUT, ROOT, RUN, Arm, BenchError, check_out, interpreter
from scripts.bench_compare.commands import (
    analyze_seconds,
    bench_five_by_one,
    bench_phase_1,
    installed_mb,
)
from scripts.bench_compare.service import job_figures
from scripts.bench_compare.table import Figure, Measurement, Row, measure_rows, to_markdown
from scripts.bench_compare.training import real_time_factor, train_seconds

WRITE_CLIP = """
import sys
from pathlib import Path
from unmask.data.demo.benchmark_clip import write_benchmark_clip
write_benchmark_clip(Path(sys.argv[1]), float(sys.argv[2]))
"""
PULL_DATA = "import sys; from dvc.cli import main; sys.exit(main(['pull', '--quiet', 'data.dvc']))"
DEMO_SHARE = 4  # one of so many clips of the demo set is preprocessed


def independent_measurements(
    base: Arm, champion: Path, clips: Path | None, *, quick: bool
) -> list[Measurement]:
    """Return the figures of issue 21 that need no trained detector.

    Args:
        champion: Where the detector that the base trains is kept.
        clips: Folder of own clips to preprocess.
    """
    length_s = 10.0 if quick else 30.0
    name = f"`unmask bench`, phase 1, {length_s:g} s"
    rows = [
        Measurement(
            (Figure("installed packages of what serves", "MB", "≤ 0.2"),),
            lambda arm: (installed_mb(arm),),
            most_rounds=1,
        ),
        Measurement(
            (Figure(name, "s", "≤ 0.45"), Figure(f"{name}: peak memory", "MiB", "≤ 0.5")),
            lambda arm: bench_phase_1(arm, length_s),
        ),
        Measurement(
            (Figure("`unmask bench`, phase 3, 10 s: five members ÷ one", "", "≤ 1.15 now"),),
            lambda arm: bench_five_by_one(arm, 10.0),
            most_rounds=1 if quick else 3,
        ),
        Measurement(
            (Figure("`unmask preprocess`, demo set", "× real time", "≥ 1.5"),),
            lambda arm: real_time_factor(arm, demo_clips(base)),
            most_rounds=1 if quick else 3,
        ),
    ]
    if clips is not None:
        own = (Figure("`unmask preprocess`, own clips", "× real time", "≥ 1.5"),)
        rows.append(Measurement(own, lambda arm: real_time_factor(arm, clips), most_rounds=1))
    train = (Figure("`make train`, phase 1", "s", "≤ 0.8"),)
    kept = {"base": champion, "now": None}
    return [
        *rows,
        Measurement(train, lambda arm: train_seconds(arm, base, kept[arm.name]), most_rounds=1),
    ]


def detector_measurements(folder: Path, *, quick: bool) -> list[Measurement]:
    """Return the figures of issue 21 that are measured with the demo detector of the base.

    Args:
        folder: Has ``3.mp4`` and ``5.mp4``, clips of so many seconds.
    """

    def analyze(state: str, target: str, *, compiled: bool) -> Measurement:
        name = f"`unmask analyze`, 3 s clip, {state}"
        figures = (
            Figure(f"{name}: processor", "s", target),
            Figure(f"{name}: wall", "s", target),
        )
        clip = folder / "3.mp4"
        return Measurement(figures, lambda arm: analyze_seconds(arm, clip, compiled=compiled))

    service = (
        Figure("service: one job of 5 s, submission to result", "s", "≤ 0.5"),
        Figure("service: load test", "jobs/s", "≥ 2"),
    )
    jobs = 20 if quick else 60
    return [
        analyze("byte code stored", "≤ 0.3", compiled=True),
        analyze("no byte code", "≤ 0.15", compiled=False),
        Measurement(
            service, lambda arm: job_figures(arm, folder / "5.mp4", jobs), 1 if quick else 3
        ),
    ]


def demo_clips(base: Arm) -> Path:
    """Return a folder of every fourth clip of the demo set that the base pins."""
    chosen = base.folder / "outputs/demo-clips"
    if not chosen.is_dir():
        base.run("-c", PULL_DATA)
        unfinished = chosen.with_name("unfinished")
        unfinished.mkdir(parents=True, exist_ok=True)
        for clip in sorted((base.folder / "data/raw/clips").iterdir())[::DEMO_SHARE]:
            shutil.copy2(clip, unfinished)
        unfinished.replace(chosen)
    return chosen


def give_detector(arms: tuple[Arm, Arm]) -> None:
    """Train the base's detector unless it exists, and export its graphs for this checkout."""
    base, now = arms
    if not base.bundle.is_dir():
        print("base: training the demo detector, which both analyze with", file=sys.stderr)
        train_seconds(base, base, base.bundle)
    shutil.rmtree(now.bundle, ignore_errors=True)
    shutil.copytree(base.bundle, now.bundle)
    now.run("-c", RUN, "export", str(now.bundle))


def parse_options(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Return the options of the command line."""
    description = "Run this checkout and an earlier commit in turn, and print the ratios."
    parser = argparse.ArgumentParser(prog="bench-compare", description=description)
    parser.add_argument("base", help="commit that is 1 in the table")
    parser.add_argument("--bundle", type=Path, help="detector; default: the demo one of the base")
    parser.add_argument("--clips", type=Path, help="folder of own clips to preprocess")
    parser.add_argument("--quick", action="store_true", help="fewer rounds, a shorter bench")
    parser.add_argument("--rounds", type=int, help="most rounds; default: 5, and 3 with --quick")
    parser.add_argument(
        "--only", action="append", help="figures whose names contain this; repeatable"
    )
    return parser.parse_args(arguments)


def measure(options: argparse.Namespace) -> list[Row]:
    """Return all rows that the options ask for.

    Raises:
        BenchError: One of the commits cannot be set up.
    """
    rounds = options.rounds or (3 if options.quick else 5)
    folder = check_out(options.base)
    champion = options.bundle or ROOT / OUT / f"champion-{folder.name}"
    base = Arm("base", folder, interpreter(folder), champion.resolve())
    arms = (base, Arm("now", ROOT, Path(sys.executable), ROOT / OUT / "champion-with-graphs"))
    clips = options.clips.resolve() if options.clips else None

    def chosen(measurements: list[Measurement]) -> list[Measurement]:
        return [
            each
            for each in measurements
            if not options.only
            or any(part in figure.name for part in options.only for figure in each.figures)
        ]

    independent = independent_measurements(base, champion, clips, quick=options.quick)
    rows = measure_rows(chosen(independent), arms, rounds)
    with TemporaryDirectory(prefix="unmask-bench-") as temporary:
        if others := chosen(detector_measurements(Path(temporary), quick=options.quick)):
            give_detector(arms)
            for seconds in ("3", "5"):
                arms[1].run("-c", WRITE_CLIP, f"{temporary}/{seconds}.mp4", seconds)
        return rows + measure_rows(others, arms, rounds)


def main(arguments: Sequence[str] | None = None) -> None:
    """Compare, print the table, and write it to ``outputs/bench-compare``."""
    options = parse_options(arguments)
    try:
        rows = measure(options)
    except BenchError as error:
        raise SystemExit(f"bench-compare: {error}") from error
    out = ROOT / OUT
    out.mkdir(parents=True, exist_ok=True)
    (out / "table.json").write_text(json.dumps([asdict(row) for row in rows], indent=2) + "\n")
    (out / "table.md").write_text(to_markdown(rows))
    print(to_markdown(rows), end="")


if __name__ == "__main__":
    main()
