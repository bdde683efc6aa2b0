"""Coverage summary: families of forgeries that a detector was tested on, and those never."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from unmask.evaluation.coverage import TestedKind
from unmask.evaluation.generator_families import ORDER, OTHER, PUBLISHED, normalise_name

COMMON_WORDS = "common words"  # of the published names, those that are no generator's
PEOPLE = (
    "Error rates by sex, age or colour of the skin were not measured, as the test clips have no "
    "such labels."
)


@dataclass(frozen=True, slots=True)
class TestedFamily:
    """Verdicts on the fakes of one family; see :class:`.TestedKind`."""

    __test__ = False  # no test, whatever pytest takes the name for

    family: str
    manipulations: tuple[str, ...]
    clips: int
    misses: int
    inconclusive: int


@dataclass(frozen=True, slots=True)
class Coverage:
    """What a detector was tested on.

    Attributes:
        untested: Known families without a test clip.
        untested_generators: Published names that no test clip has, by family.
        messages: The same in words, without generators.
    """

    tested: tuple[TestedFamily, ...]
    untested: tuple[str, ...]
    untested_generators: Mapping[str, tuple[str, ...]]
    messages: tuple[str, ...]


def summarise_coverage(kinds: Sequence[TestedKind]) -> Coverage | None:
    """Return what a detector was tested on; ``None`` without a fake."""
    if not kinds:
        return None
    families = [name for name in ORDER if any(kind.family == name for kind in kinds)]
    tested = tuple(
        _join(name, [kind for kind in kinds if kind.family == name]) for name in families
    )
    untested = tuple(name for name in ORDER if name not in (*families, OTHER))
    return Coverage(
        tested=tested,
        untested=untested,
        untested_generators=_untested_generators(kinds),
        messages=tuple(_messages(tested, untested)),
    )


def _join(family: str, kinds: Sequence[TestedKind]) -> TestedFamily:
    return TestedFamily(
        family=family,
        manipulations=tuple(kind.manipulation for kind in kinds),
        clips=sum(kind.clips for kind in kinds),
        misses=sum(kind.misses for kind in kinds),
        inconclusive=sum(kind.inconclusive for kind in kinds),
    )


def _untested_generators(kinds: Sequence[TestedKind]) -> dict[str, tuple[str, ...]]:
    """Return the first spelling of each published name that no test clip has, by family."""
    seen = {normalise_name(kind.manipulation) for kind in kinds}
    names: dict[str, list[str]] = {}
    for record in PUBLISHED:
        if record.data_set == COMMON_WORDS:
            continue
        for family, published in record.families.items():
            for name in published:
                if normalise_name(name) not in seen:
                    seen.add(normalise_name(name))
                    names.setdefault(family, []).append(name)
    return {family: tuple(names[family]) for family in ORDER if family in names}


def _messages(tested: Sequence[TestedFamily], untested: Sequence[str]) -> Iterator[str]:
    for each in tested:
        yield (
            f"Tested on {each.clips} fakes of the family {each.family} "
            f"({', '.join(each.manipulations)}): {each.misses} were called real, "
            f"{each.inconclusive} got no verdict."
        )
    if untested:
        yield f"Never tested on fakes of the families {', '.join(untested)}."
    yield PEOPLE
