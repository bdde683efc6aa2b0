"""Graphs of a bundle, beside the networks that they are made of."""

import json

import numpy as np
import pytest
import torch
from torch import nn

from tests.models.backbones.speech_models import build_speech_model
from unmask.config import PreprocessingSettings
from unmask.engine.loading import load_graph
from unmask.engine.options import EngineOptions
from unmask.errors import EngineError
from unmask.files import file_sha256
from unmask.models.bundle import Bundle, load_bundle
from unmask.models.calibration.platt import Calibration
from unmask.models.collate import collate
from unmask.models.detector import Detector
from unmask.models.ensemble.dropout_factors import draw_factors
from unmask.models.ensemble.mc_dropout import mc_logits
from unmask.models.graphs import export
from unmask.models.graphs.index import FRAMES, HEADS, VOICE
from unmask.models.graphs.signatures import GraphSpec, graph_specs
from unmask.models.inference import score_samples
from unmask.models.lipsync.scoring import embed_speech
from unmask.records import RATE_HZ


def run(folder, name, inputs):
    graph = load_graph(folder / export.GRAPHS / f"{name}.onnx", EngineOptions("onnxruntime"))
    return graph.run({spec.name: inputs[spec.name] for spec in graph.inputs})


def encode(folder, sample):
    """Return the inputs of the heads, by the graphs of the encoders alone."""
    count = len(sample.faces)
    frames = run(folder, FRAMES, {"faces": sample.faces, "flow": sample.flow})
    sound = {"waveform": sample.waveform[None], "is_speech": sample.is_speech[None]}
    return {
        "frame_mask": np.ones((1, count), np.bool_),
        "time_s": sample.times_s.astype(np.float32)[None],
        "run": np.zeros((1, count), np.int64),
        **{name: features[None] for name, features in frames.items()},
        **run(folder, VOICE, sound),
    }


def neutral(index):
    return {
        f"factors_{number}": np.ones((*[1] * len(use["axes"]), use["dim"]), np.float32)
        for number, use in enumerate(index["graphs"][HEADS]["dropout"])
    }


def test_the_index_names_every_graph_with_its_hash_and_its_difference(exported):
    folder, bundle, index = exported
    assert json.loads((folder / "graphs/index.json").read_text()) == index
    assert index["bundle_sha256"] == bundle.sha256
    names = ["frames", "voice", "heads", "lipsync_mouths", "lipsync_sound"]
    assert list(index["graphs"]) == names
    for row in index["graphs"].values():
        assert row["sha256"] == file_sha256(folder / "graphs" / row["file"])
        assert row["max_difference"].keys() == {"openvino", "onnxruntime"}
        assert max(row["max_difference"].values()) <= index["tolerance"]


def test_graphs_do_not_change_what_the_bundle_is(exported):
    folder, bundle, _ = exported
    assert load_bundle(folder).sha256 == bundle.sha256


@pytest.mark.parametrize(("frames", "samples"), [(9, 2 * RATE_HZ), (1, RATE_HZ // 2 + 33)])
def test_the_graphs_in_a_row_give_the_scores_of_the_bundle(exported, make_sample, frames, samples):
    folder, bundle, index = exported
    sample = make_sample(frames, samples, seed=5)
    (score,) = score_samples(bundle, [sample], precision="32")
    outputs = run(folder, HEADS, encode(folder, sample) | neutral(index))
    logits = [outputs[f"logit_{number}"][0] for number in range(2)]
    np.testing.assert_allclose(logits, score.member_logits, rtol=1e-3, atol=1e-4)
    assert abs(logits[0] - logits[1]) > 1e-2


def test_dropout_by_factors_is_that_of_the_passes(exported, make_sample):
    folder, bundle, index = exported
    sample, passes, seed = make_sample(frames=4, samples=RATE_HZ, seed=2), 3, 11
    member = bundle.members[1]
    batch = collate([sample], bundle.settings)
    with torch.inference_mode():
        audio = member.voice(batch.waveform, batch.sample_mask, batch.speech_mask)
        expected = mc_logits(member, batch, audio, member.encode_frames(batch), (passes, seed))
    inputs = {
        name: np.repeat(values, passes, axis=0) for name, values in encode(folder, sample).items()
    }
    lengths = {"B": passes, "T": 4, "A": inputs["step_mask"].shape[1]}
    rng = np.random.default_rng(seed)
    uses = index["graphs"][HEADS]["dropout"]
    factors = neutral(index)
    for number in range(len(uses) // 2, len(uses)):  # of the second member
        use = uses[number]
        shape = (*(lengths[axis] for axis in use["axes"]), use["dim"])
        factors[f"factors_{number}"] = draw_factors(rng, shape, use["p"])
    outputs = run(folder, HEADS, inputs | factors)
    np.testing.assert_allclose(outputs["logit_1"], expected.numpy(), rtol=1e-3, atol=1e-4)
    assert np.ptp(outputs["logit_1"]) > 1e-3
    assert np.ptp(outputs["logit_0"]) < 1e-5


def test_sound_is_embedded_as_by_the_towers(exported, make_sample):
    folder, bundle, _ = exported
    sample = make_sample(frames=1, samples=3 * RATE_HZ + 100, seed=3)
    expected = embed_speech(bundle.sync, sample.waveform, sample.is_speech).vectors
    outputs = run(folder, "lipsync_sound", {"waveform": sample.waveform[None]})
    rows = np.isfinite(expected[:, 0])
    np.testing.assert_allclose(outputs["embeddings"][0], expected[rows], atol=1e-4)


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        (HEADS, {}),
        (HEADS, {"frame_times": False, "temporal": "transformer", "fusion": "attention"}),
        (HEADS, {"temporal": "none", "fusion": "none"}),
        (FRAMES, {"frame_backbone": "residual_tiny", "flow": True, "input_px": 224}),
        (FRAMES, {"frame_backbone": "test_vit", "frame_blocks": (2, 4), "trainable": "none"}),
        (VOICE, {"voice_backbone": "spectral", "voice_layers": "last"}),
    ],
    ids=[
        *("heads", "heads-without-times", "heads-apart", "noise-residuals"),
        *("blocks-of-a-vit", "spectral-voice"),
    ],
)
def test_networks_of_every_kind_have_a_graph(tiny, tmp_path, name, changes):
    detector = Detector(tiny.replace(**changes)).eval()
    bundle = Bundle((detector,), PreprocessingSettings(), Calibration(), 1, "full")
    check(tmp_path, graph_specs(bundle)[name])


@pytest.mark.parametrize("kind", ["xls-r", "wavlm", "wav2vec2-bert", "whisper"])
def test_speech_models_of_every_kind_have_a_graph(tiny, tmp_path, kind):
    detector = Detector(tiny, voice=build_speech_model(kind)).eval()
    bundle = Bundle((detector,), PreprocessingSettings(), Calibration(), 1, "full")
    check(tmp_path, graph_specs(bundle)[VOICE])


def test_members_with_different_speech_models_are_refused(tiny):
    members = tuple(Detector(tiny, voice=build_speech_model(kind)) for kind in ("xls-r", "whisper"))
    bundle = Bundle(members, PreprocessingSettings(), Calibration(), 1, "full")
    with pytest.raises(EngineError, match="different speech models have different steps"):
        graph_specs(bundle)


def check(folder, spec):
    row = export._export(folder / "network.onnx", spec, spec.examples)
    assert len(row["max_difference"]) == 2
    assert max(row["max_difference"].values()) <= export.TOLERANCE


class FixedLength(nn.Module):
    def forward(self, x):
        return x * len(x)  # a number in the trace


class WithoutOnnx(nn.Module):
    def forward(self, x):
        return torch.special.bessel_j0(x)


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (FixedLength(), r"net\.onnx on openvino: y differs from torch by 3\.3e-01 of its largest"),
        (WithoutOnnx(), r"net\.onnx: has no form in ONNX \(.*bessel.*\); the bundle runs with"),
    ],
)
def test_a_graph_that_is_not_the_network_is_refused(tmp_path, module, message):
    examples = [(torch.ones(count, 3),) for count in (2, 3)]
    spec = GraphSpec(module, {"x": {0: "N"}}, {"y": {0: "N"}}, examples)
    with pytest.raises(EngineError, match=message):
        export._export(tmp_path / "net.onnx", spec, examples)


def test_a_failed_export_leaves_the_graphs_of_before(exported, monkeypatch):
    folder, bundle, index = exported
    monkeypatch.setattr(export, "TOLERANCE", 0.0)
    with pytest.raises(EngineError, match="differs from torch"):
        export.export_graphs(folder, bundle)
    assert json.loads((folder / "graphs/index.json").read_text()) == index
    assert [path.name for path in folder.iterdir() if path.name.startswith(".")] == []
