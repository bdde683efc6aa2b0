"""Scores by graphs, beside those of the networks that they are made of."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest

from unmask.errors import BundleError
from unmask.models.graphs.graph_bundle import GraphBundle, load_graph_bundle
from unmask.models.inference import score_samples
from unmask.records import RATE_HZ, MouthCrops

PASSES = 4
TOLERANCE = {"rtol": 1e-3, "atol": 1e-4}


@pytest.fixture(scope="module", params=["onnxruntime", "openvino"])
def graphs(exported, request):
    folder, _, _ = exported
    return load_graph_bundle(folder, request.param)


@pytest.fixture
def with_lips(make_sample, rng):
    """Add mouth crops of noise, with a gap, to a sample of 4 s."""
    sample = make_sample(frames=20, samples=4 * RATE_HZ)
    ticks = np.array([*range(60), *range(70, 100)])
    mouths = rng.integers(0, 256, (len(ticks), 48, 48), dtype=np.uint8)
    lips = MouthCrops(mouths, ticks / 25, np.zeros(len(ticks), np.float32), 25.0)
    return replace(sample, lips=lips, shots=np.arange(20) // 8)


def assert_same(score, expected):
    for name in ("logit", "video_probability", "audio_probability"):
        value, target = getattr(score, name), getattr(expected, name)
        assert (value is None) is (target is None)
        if target is not None:
            assert value == pytest.approx(target, rel=1e-3, abs=1e-4)
    for name in ("frame_probabilities", "step_probabilities", "member_logits", "pass_logits"):
        np.testing.assert_allclose(getattr(score, name), getattr(expected, name), **TOLERANCE)


@pytest.mark.parametrize(
    ("frames", "samples"),
    [(11, 2 * RATE_HZ), (3, 0), (0, RATE_HZ), (1, 50), (2, RATE_HZ // 3 + 7)],
    ids=["both", "face", "voice", "hardly-any-sound", "short"],
)
def test_graphs_score_as_the_networks(exported, graphs, make_sample, frames, samples):
    _, bundle, _ = exported
    sample = make_sample(frames, samples, seed=4)
    (expected,) = score_samples(bundle, [sample], "32", PASSES)
    (score,) = score_samples(graphs, [sample], "32", PASSES)
    assert_same(score, expected)
    assert np.ptp(score.pass_logits) > 1e-3


def test_lips_are_compared_with_sound_as_by_the_network(exported, graphs, with_lips):
    _, bundle, _ = exported
    expected = score_samples(bundle, [with_lips], "32", PASSES)[0]
    score = score_samples(graphs, [with_lips], "32", PASSES)[0]
    assert_same(score, expected)
    assert score.sync.probability == pytest.approx(expected.sync.probability, abs=1e-4)
    assert score.sync.offset_ms == pytest.approx(expected.sync.offset_ms, abs=0.1)
    np.testing.assert_allclose(score.sync.probabilities, expected.sync.probabilities, atol=1e-4)


def test_a_graph_bundle_is_the_bundle_but_for_its_networks(exported, graphs):
    _, bundle, _ = exported
    assert isinstance(graphs, GraphBundle)
    assert graphs.sha256 == bundle.sha256
    assert graphs.settings == bundle.settings
    assert [member.settings for member in graphs.members] == [
        member.settings for member in bundle.members
    ]
    for name in ("preprocessing", "calibration", "phase", "profile", "uncertainty", "untrained"):
        assert getattr(graphs, name) == getattr(bundle, name)
    assert graphs.sync.rate_hz == bundle.sync.rate_hz
    assert np.array_equal(graphs.sync.score_constants, bundle.sync.score_constants)


def change_graph(folder):
    path = folder / "graphs/voice.onnx"
    path.write_bytes(path.read_bytes() + b" ")


def change_bundle(folder):
    metadata = json.loads((folder / "bundle.json").read_text())
    (folder / "bundle.json").write_text(json.dumps(metadata))


def change_schema(folder):
    index = json.loads((folder / "graphs/index.json").read_text())
    (folder / "graphs/index.json").write_text(json.dumps(index | {"schema_version": 99}))


def remove_graph(folder):
    (folder / "graphs/heads.onnx").unlink()


def change_lipsync(folder):
    path = folder / "sync.safetensors"
    path.write_bytes(path.read_bytes() + b" ")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (change_graph, r"voice\.onnx: another hash than in the index; write it again with"),
        (change_bundle, "the graphs are those of another bundle"),
        (change_schema, "schema 99 is not 1"),
        (remove_graph, r"index\.json: damaged \(.*heads"),
        (change_lipsync, r"sync\.safetensors: its hash differs"),
    ],
)
def test_graphs_that_are_not_those_of_the_bundle_are_refused(exported, tmp_path, change, message):
    folder = shutil.copytree(exported[0], tmp_path / "bundle")
    change(folder)
    with pytest.raises(BundleError, match=message):
        load_graph_bundle(folder, "onnxruntime")
