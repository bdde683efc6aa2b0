import pytest

from unmask.serving.attack_signs import describe_signs

MEASURED = {
    "threshold": 0.2,
    "validation_clips": 144,
    "clips": 84,
    "false_alarms": 1,
    "attacks": [{"method": "fgsm", "epsilon": 4 / 255, "clips": 24, "flagged": 23}],
}
NONE = frozenset()


@pytest.mark.parametrize(("roughness", "expected"), [([0.1, 0.15, 0.9], False), ([0.3], True)])
def test_the_median_face_decides(roughness, expected):
    signs = describe_signs(roughness, MEASURED, NONE)
    assert signs.is_flagged is expected
    assert "flagged are 1 of 84 test clips without attack, and by FGSM 23 of 24" in signs.message
    assert "at 4 of 255 levels" in signs.message


@pytest.mark.parametrize("reason", ["demo_model", "unlike_calibration"])
def test_other_footage_is_not_judged(reason):
    signs = describe_signs([0.3], MEASURED, frozenset({reason}))
    assert signs.is_flagged is None
    assert "not told" in signs.message


def test_without_faces_or_measured_rates_nothing_is_said():
    assert describe_signs([], MEASURED, NONE) is None
    assert describe_signs([0.3], None, NONE) is None
