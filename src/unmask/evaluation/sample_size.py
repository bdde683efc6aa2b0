"""Whether there are enough test clips for a number to decide anything."""

from collections.abc import Sequence
from dataclasses import replace

from unmask.config import EvaluationSettings
from unmask.records import ScoreRow


def describe_shortage(fakes: int, reals: int, people: int, settings: EvaluationSettings) -> str:
    """Return what is missing for gates and intervals, empty where nothing is.

    Args:
        fakes, reals: Number of test clips of each class.
        people: Number of people in them.

    Example:
        >>> settings = EvaluationSettings(min_clips=20, min_people=10)
        >>> describe_shortage(1, 1, 2, settings)
        '1 fake and 1 genuine test clip(s) of 2 people: gates take 20 of each and 10 people'
        >>> describe_shortage(20, 20, 10, settings)
        ''
    """
    if min(fakes, reals) >= settings.min_clips and people >= settings.min_people:
        return ""
    return (
        f"{fakes} fake and {reals} genuine test clip(s) of {people} people: gates take "
        f"{settings.min_clips} of each and {settings.min_people} people"
    )


def shortage_of_rows(rows: Sequence[ScoreRow], settings: EvaluationSettings) -> str:
    """Return :func:`describe_shortage` of the clips of a score table."""
    fakes = sum(row.is_fake for row in rows)
    people = len({row.identity for row in rows})
    return describe_shortage(fakes, len(rows) - fakes, people, settings)


def merge_people(rows: Sequence[ScoreRow]) -> list[ScoreRow]:
    """Return the rows as if all were of one person, so that no estimate gets an interval."""
    return [replace(row, identity="") for row in rows]
