"""Coverage: which kinds of forgeries a detector was tested on, and what it made of each."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from unmask.evaluation.generator_families import ORDER, OTHER, family_of
from unmask.records import ScoreRow


@dataclass(frozen=True, slots=True)
class TestedKind:
    """Verdicts on the fakes of one kind.

    Attributes:
        manipulation: As the data set names it.
        family: Of its generator; see :mod:`unmask.evaluation.generator_families`.
        people: Number of people in the clips.
        misses, inconclusive: Clips called real, and clips without a verdict.
    """

    __test__ = False  # no test, whatever pytest takes the name for

    manipulation: str
    family: str
    clips: int
    people: int
    misses: int
    inconclusive: int


def measure_coverage(rows: Sequence[ScoreRow]) -> tuple[TestedKind, ...]:
    """Count the verdicts on the fakes of each kind, by family and name.

    Args:
        rows: Genuine clips are left out; every fake has a verdict.
    """
    kinds: dict[tuple[str, str], list[ScoreRow]] = {}
    for row in rows:
        if row.is_fake:
            kinds.setdefault((_family(row), row.manipulation), []).append(row)
    ordered = sorted(kinds, key=lambda kind: (ORDER.index(kind[0]), kind[1]))
    return tuple(_count(name, family, kinds[family, name]) for family, name in ordered)


def _family(row: ScoreRow) -> str:
    """Return the family of a fake; of several forgeries in one, that of the first with a family."""
    parts = [replace(row, manipulation=name) for name in row.manipulation.split("+")]
    families = [family_of(each) for each in (row, *parts)]
    return next((family for family in families if family != OTHER), OTHER)


def _count(name: str, family: str, rows: Sequence[ScoreRow]) -> TestedKind:
    return TestedKind(
        manipulation=name,
        family=family,
        clips=len(rows),
        people=len({row.identity for row in rows}),
        misses=sum(row.verdict == "real" for row in rows),
        inconclusive=sum(row.verdict == "inconclusive" for row in rows),
    )
