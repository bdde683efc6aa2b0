"""Release gates on unseen sources."""

import pytest

from unmask.evaluation.family_rows import FamilyRow, GroupedEstimate
from unmask.evaluation.file_facts import FACTS
from unmask.evaluation.held_out import HeldOutTable
from unmask.evaluation.intervals import Estimate
from unmask.evaluation.release_gates import MIN_AUC, SCORE, missed_gates


def grouped(value, low):
    estimate = Estimate(value, low, 1.0)
    return GroupedEstimate(estimate, estimate)


def row(family, auc, low, facts=0.6):
    single = dict.fromkeys(FACTS, facts)
    return FamilyRow(
        family, SCORE, 9, 9, 3, 3, grouped(auc, low), grouped(facts, 0.5), single, None, 0, None
    )


def table(**changes):
    """All gates passed, except for the families named with ``_`` for a space."""
    values = dict.fromkeys(MIN_AUC, (0.95, 0.9))
    values |= {name.replace("_", " "): value for name, value in changes.items()}
    rows = tuple(row(family, *value) for family, value in values.items() if value is not None)
    return HeldOutTable(rows, (), 2, {}, 0.95)


def test_a_detector_that_reaches_every_gate_misses_none():
    assert not list(missed_gates(table()))


@pytest.mark.parametrize(
    ("changes", "missed"),
    [
        ({"face_swap": (0.84, 0.5)}, "face swap: AUC 0.84, required 0.85"),
        ({"voice": (0.69, 0.5)}, "voice: AUC 0.69, required 0.70"),
        ({"altered_picture": (0.9, 0.59)}, "altered picture: AUC not clear of the 0.60 of"),
        ({"talking_head": None}, "talking head not measured"),
    ],
)
def test_a_missed_gate_is_named(changes, missed):
    (reason,) = missed_gates(table(**changes))
    assert reason.startswith(missed)
