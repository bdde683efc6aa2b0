"""The numbers that docs/threat-model.md states are those of the code and of params.yaml."""

from pathlib import Path

import pytest

from unmask.config import TransmittedSettings, load_settings
from unmask.robustness.codec_surrogate import BLOCKS_PX, MIN_SCALE, QP_RANGE, RESIZE_SHARE
from unmask.robustness.evasion import EVASION_FPR
from unmask.robustness.transmitted_attack import CHUNK_FRAMES

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def page():
    return (ROOT / "docs/threat-model.md").read_text()


def settings(profile, phase=1):
    return load_settings(ROOT / "params.yaml", phase, profile)


def test_the_simulated_codec_and_the_budget_are_as_stated(page):
    low, high = QP_RANGE
    assert f"QP of {low:g} to {high:g}" in page
    assert " or ".join(f"{side} × {side}" for side in BLOCKS_PX) in page
    assert f"half of the draws a resize to {MIN_SCALE:.0%}".replace("%", "–100 %") in page
    assert RESIZE_SHARE == 0.5
    assert f"for {CHUNK_FRAMES} frames at a time" in page
    assert f"at most {TransmittedSettings().epsilon_levels} of 255 grey levels" in page
    assert f"at most {EVASION_FPR * 100:g} % of the encoded genuine clips exceed" in page


def test_the_numbers_of_clips_are_those_of_the_profiles(page):
    demo, last = (settings("demo", phase).attacks.transmitted.clips for phase in (1, 3))
    assert f"attacks {demo} clips ({last} in phase 3)" in page
    for phase in (1, 2, 3):
        clips = settings("full", phase).attacks.transmitted.clips
        assert f"`full` takes at least {clips} test clips" in page


def test_the_levels_and_limits_of_the_gates_are_as_stated(page):
    full, demo = settings("full").gates, settings("demo").gates
    levels = full.transmitted_drop.level, demo.transmitted_drop.level, full.fgsm_drop.level
    assert levels == ("required", "reported", "reported")
    assert "It is `required` in `full` and `reported` in `demo`" in page
    assert f"its limit is {full.transmitted_drop.limit:g}" in page
    assert full.codec_gap.level == "required"
    assert f"limits the difference of the first two to {full.codec_gap.limit:g}" in page
    assert settings("full").codecs.cells == ("h264:23", "h265:28", "half")
