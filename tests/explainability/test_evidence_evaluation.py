"""Rows of the evaluation are means over the right clips, with intervals by person."""

import numpy as np
import pytest

from tests.factories import make_clip
from unmask.errors import DataError
from unmask.evaluation.bootstrap import Resampling
from unmask.explainability import evidence_evaluation
from unmask.explainability.clip_tests import ClipTests
from unmask.explainability.evidence_evaluation import evaluate_evidence
from unmask.explainability.faithfulness import Faithfulness
from unmask.explainability.pointing import Pointing
from unmask.models.bundle import load_bundle


def make_test(deletion, p_value, insertion=0.5):
    return Faithfulness(deletion, 0.1, insertion, 0.2, p_value)


SOUND = Faithfulness(0.3, 0.0, None, None, 0.05)


class KnownResults:
    """Stand-in for the tests of single clips, with known results."""

    layer_name = "blocks.1"
    last = None

    def __init__(self, bundle, load, genuine):
        type(self).last, self.twins = self, {}

    def test(self, clip, twin):
        if clip.clip_id.startswith("broken"):
            raise DataError("cannot be read")
        number = int(clip.clip_id[-1])
        self.twins[clip.clip_id] = "" if twin is None else twin.clip_id
        pointing = Pointing(0.4 + number / 10, 0.2, 0.3, 0.6) if clip.fake_video else None
        return ClipTests(
            clip,
            face=make_test(float(number), 0.05 if number % 2 else 0.5),
            random_face=make_test(0.0, 1.0),
            sound=SOUND if number == 1 else None,
            random_sound=SOUND if number == 1 else None,
            pointing=pointing,
            agreement=number / 10 if number else None,
        )


@pytest.fixture
def evaluate(monkeypatch, bundle_folder):
    monkeypatch.setattr(evidence_evaluation, "EvidenceTester", KnownResults)
    monkeypatch.setattr(evidence_evaluation, "_genuine_samples", lambda _clips, _load: [])
    bundle = load_bundle(bundle_folder)
    object.__setattr__(bundle, "genuine_features", {"blocks.1": None})

    def run(clips):
        resampling = Resampling(np.random.default_rng(0), 200)
        return evaluate_evidence(bundle, clips, "test", None, resampling)

    return run


@pytest.fixture
def clips():
    fakes = ("self-blend", "face-swap+voice-convert", "lip-desync", "face-swap")
    return [
        *(make_clip(clip_id=f"g{n}", identity=f"p{n}", pair_id=f"pair{n}") for n in range(4)),
        *(
            make_clip(
                clip_id=f"f{n}",
                identity=f"p{n}",
                pair_id=f"pair{n}",
                fake_video=True,
                manipulation=kind,
            )
            for n, kind in enumerate(fakes)
        ),
        make_clip(clip_id="val0", split="val", fake_video=True),
    ]


def test_rows_are_means_over_their_clips(evaluate, clips):
    report = evaluate(clips)
    rows = {row.name: row for row in report.faithfulness}
    assert set(rows) == {"forged faces", "faces of genuine clips", "voices of genuine clips"}
    faces = rows["forged faces"]
    assert (faces.clips, report.clips, report.layer) == (4, 8, "blocks.1")
    assert faces.deletion.value == pytest.approx(1.5)  # of 0, 1, 2, 3
    assert faces.deletion.low < 1.5 < faces.deletion.high
    assert (faces.supported.value, faces.random_supported.value) == (0.5, 0.0)
    assert faces.insertion.value == pytest.approx(0.5)
    sound = rows["voices of genuine clips"]
    assert (sound.clips, sound.insertion, sound.deletion.low) == (1, None, None)


def test_blends_are_a_row_of_their_own_in_the_pointing_game(evaluate, clips):
    rows = {row.name: row for row in evaluate(clips).pointing}
    assert {name: row.clips for name, row in rows.items()} == {
        "all forged faces": 4,
        "blends": 3,
        "others": 1,
    }
    assert rows["blends"].hottest.value == pytest.approx((0.4 + 0.5 + 0.7) / 3)
    assert rows["others"].best.value == 0.6


def test_twin_of_a_fake_is_the_genuine_clip_of_its_pair(evaluate, clips):
    evaluate(clips)
    assert {name: KnownResults.last.twins[name] for name in ("f2", "g2")} == {"f2": "g2", "g2": ""}


def test_agreement_is_over_the_clips_that_have_one(evaluate, clips):
    report = evaluate(clips)
    assert report.agreement_clips == 6
    assert report.agreement.value == pytest.approx(0.2)


def test_clip_that_fails_is_left_out_and_too_many_end_the_evaluation(evaluate, clips, caplog):
    many = [make_clip(clip_id=f"m{n}", identity=f"p{n}") for n in range(8)] * 8
    broken = make_clip(clip_id="broken")
    assert evaluate([*many, broken]).clips == len(many)
    assert "broken was not tested" in caplog.text
    with pytest.raises(DataError):
        evaluate([*clips, *(make_clip(clip_id=f"broken{n}") for n in range(9))])


def test_bundle_without_genuine_features_is_refused(bundle_folder, clips):
    resampling = Resampling(np.random.default_rng(0))
    with pytest.raises(DataError, match="calibrate it again: unmask train calibrate"):
        evaluate_evidence(load_bundle(bundle_folder), clips, "test", None, resampling)
