import pytest

from steps.note_unsealed import NOTHING_SEALED, note_unsealed
from unmask.config import GatePlan, GateSettings

PLAN = GatePlan(gates=GateSettings(), targets=GateSettings(), expects_sealed=True)


def test_a_run_without_sealed_clips_is_told_how_to_seal_some():
    noted = note_unsealed.entrypoint(PLAN, "manifest:0123")
    assert noted.notes == (NOTHING_SEALED,)
    assert "--data NAME=FOLDER:sealed" in NOTHING_SEALED


@pytest.mark.parametrize(
    ("plan", "version"),
    [
        (PLAN, "manifest:0123 sealed:4567"),
        (PLAN.replace(expects_sealed=False), "manifest:0123"),
    ],
)
def test_there_is_no_note_where_clips_are_sealed_or_nobody_asks(plan, version):
    assert note_unsealed.entrypoint(plan, version) == plan
