"""The tests of a clip find the reason of a detector whose reason is known."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.factories import make_clip
from unmask.explainability.clip_tests import EvidenceTester
from unmask.models.cam_layer import find_cam_layer

pytest.importorskip("captum")
PLACE = slice(80, 120), slice(90, 140)


@pytest.fixture
def make_tester(make_detail_bundle, make_person, make_window, rng):
    """A detector that looks for detail at a place where genuine faces have none."""

    def make(sound=None):
        bundle = make_detail_bundle(*PLACE)
        layer = find_cam_layer(bundle.first_member.frame)
        genuine = {layer.name: torch.zeros(3, 28, 28)}
        window = make_window(make_person(np.arange(6) / 5), sound=sound)
        return EvidenceTester(
            replace(bundle, genuine_features=genuine), lambda _clip: window, genuine=[]
        )

    return make


def test_map_of_the_true_reason_is_supported_and_a_random_one_is_not(make_tester):
    tester = make_tester()
    clip = make_clip(fake_video=True, sha256="1" * 64)
    results = tester.test(clip, None)
    assert tester.layer_name
    assert results.clip is clip
    assert results.face.is_supported
    assert results.face.deletion > 2 * results.random_face.deletion
    assert results.twin is results.pointing is results.sound is None


def test_sound_is_tested_beside_random_weights(make_tester, rng):
    sound = rng.uniform(-0.05, 0.05, 48_000).astype(np.float32)
    results = make_tester(sound).test(make_clip(sha256="2" * 64), None)
    assert results.sound.insertion is results.random_sound.insertion is None
    assert results.sound.deletion >= results.random_sound.deletion


def test_results_depend_on_the_clip_alone(make_tester):
    clip, tester = make_clip(sha256="3" * 64), make_tester()
    assert tester.test(clip, None) == tester.test(clip, None)
