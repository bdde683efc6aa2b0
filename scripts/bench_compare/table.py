"""Table of the comparison: figures of both arms, measured in turn, and their ratios."""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from scripts.bench_compare.arms import Arm, BenchError


@dataclass(frozen=True, slots=True)
class Figure:
    """One row of the table.

    Attributes:
        target: What issue 21 asks for: the ratio to the base, or the value where it says so.
    """

    name: str
    unit: str
    target: str


@dataclass(frozen=True, slots=True)
class Measurement:
    """Figures that one run of a command gives.

    Attributes:
        measure: Gives their values for a checkout.
        most_rounds: Rounds are not more than this.
    """

    figures: tuple[Figure, ...]
    measure: Callable[[Arm], Sequence[float]]
    most_rounds: int = 5


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
        for _ in range(min(rounds, measurement.most_rounds)):
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
        name, unit, target = row.figure.name, row.figure.unit, row.figure.target
        if row.problem:
            lines.append(f"| {name} | – | – | not measured: {row.problem} | {target} |")
            continue
        ratio = f"{row.ratio:.2f} ({row.ratios[0]:.2f}–{row.ratios[-1]:.2f})"
        cells = f"{_range(row.base)} {unit} | {_range(row.now)} {unit}"
        lines.append(f"| {name} | {cells} | {ratio} | {target} |")
    return "\n".join(lines) + "\n"


def _range(values: Sequence[float]) -> str:
    middle = f"{median(values):,.4g}"
    return middle if len(values) == 1 else f"{middle} ({min(values):,.4g}–{max(values):,.4g})"
