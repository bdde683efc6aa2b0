import pytest

from steps.note_data import NOTHING_SEALED, note_data
from tests.factories import make_clip
from unmask.config import GatePlan, GateSettings

PLAN = GatePlan(gates=GateSettings(), targets=GateSettings(), expects_sealed=True)


def test_a_run_without_sealed_clips_is_told_how_to_seal_some():
    noted = note_data.entrypoint(PLAN, "manifest:0123", ())
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
    clips = make_clip(split="train", source="ffpp"), make_clip(split="test", source="celebdf")
    assert note_data.entrypoint(plan, version, clips) == plan


def test_a_published_set_that_was_trained_on_under_another_name_is_named():
    ffpp = {"published_set": "FaceForensics++"}
    clips = (
        make_clip(split="train", source="ffpp", **ffpp),
        make_clip(split="test", source="ffpp", **ffpp),
        make_clip(split="test", source="low", **ffpp),
        make_clip(split="test", source="celebdf"),
    )
    (note,) = note_data.entrypoint(PLAN, "manifest:0123 sealed:4567", clips).notes
    assert note.startswith("low is part of FaceForensics++, which was trained on as ffpp, so it")
