"""Every output is measured against its own label."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import expit, logit

from tests.toy_fixtures import make_score_row
from unmask.config import EvaluationSettings
from unmask.evaluation.evaluate import evaluate
from unmask.evaluation.output_calibration import (
    LabelledOutput,
    at_own_share,
    measure_outputs,
    outputs_of_rows,
)

SETTINGS = EvaluationSettings(resamples=20)


def calibrated(rng, count, share, stated):
    """Scores of a calibrated detector, stated for another share of fakes than the items have."""
    is_fake = rng.random(count) < share
    evidence = rng.normal(
        np.where(is_fake, 1.0, -1.0), np.sqrt(2.0)
    )  # its own log-likelihood ratio
    people = np.array([str(n % 20) for n in range(count)])
    return LabelledOutput(expit(evidence + logit(stated)), is_fake, people)


def test_probabilities_stated_for_other_footage_are_not_counted_as_errors():
    output = calibrated(np.random.default_rng(0), 4000, 0.2, 0.5)
    shifted = measure_outputs({"clip": output}, 0.5, SETTINGS, 0)["clip"]
    given = measure_outputs({"clip": output}, None, SETTINGS, 0)["clip"]
    assert shifted.ece.value < 0.03
    assert given.ece.value > 0.1
    assert shifted.items == 4000
    assert shifted.identities == 20


def test_items_of_one_class_are_not_measured():
    rng = np.random.default_rng(0)
    genuine = calibrated(rng, 9, 0.0, 0.5)
    assert measure_outputs({"face": genuine}, 0.5, SETTINGS, 0) == {}
    p = genuine.probabilities
    assert at_own_share(p, genuine.is_fake, 0.5) is p


def test_face_and_voice_have_their_own_labels():
    rng = np.random.default_rng(0)
    rows = [replace(make_score_row(n, rng), prevalence=0.5) for n in range(40)]
    rows[0] = replace(rows[0], fake_audio=None)
    rows[1] = replace(rows[1], video_probability=None)
    outputs = outputs_of_rows(rows)
    for name, score, label in (
        ("face", "video_probability", "fake_video"),
        ("voice", "audio_probability", "fake_audio"),
    ):
        known = [r for r in rows if getattr(r, score) is not None and getattr(r, label) is not None]
        assert outputs[name].probabilities.tolist() == [getattr(row, score) for row in known]
        assert outputs[name].is_fake.tolist() == [getattr(row, label) for row in known]
    assert len(outputs["clip"].is_fake) == 40
    evaluation = evaluate(rows, SETTINGS, 0, {"frame": outputs["clip"]})
    assert evaluation.outputs["clip"].ece.value == pytest.approx(evaluation.ece)
    assert evaluation.outputs["frame"] == evaluation.outputs["clip"]
    assert evaluation.to_metrics()["ece_output_clip"] == evaluation.ece
