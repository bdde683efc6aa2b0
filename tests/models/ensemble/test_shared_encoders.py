"""An ensemble scores like its members alone, and shared layers run once."""

import numpy as np
import pytest
import torch

from unmask.config import PreprocessingSettings
from unmask.models.backbones.pretrained_voice import voice_from_config
from unmask.models.bundle import Bundle, load_bundle, save_bundle
from unmask.models.calibration.platt import Calibration
from unmask.models.collate import collate
from unmask.models.detector import Detector
from unmask.models.ensemble.shared_encoders import Ensemble
from unmask.models.ensemble.weight_packing import share_parameters
from unmask.models.inference import score_samples

SMALL = {
    "hidden_size": 16,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "intermediate_size": 24,
    "conv_dim": [8] * 7,
    "num_conv_pos_embeddings": 8,
    "num_conv_pos_embedding_groups": 4,
}


@pytest.fixture
def make_members(tiny):
    """Members with shared frozen voice layers and optionally a shared frame encoder."""

    def make(*seeds, one_frame_encoder):
        settings = tiny.replace(voice_frozen_layers=2)
        members = []
        for seed in seeds:
            with torch.random.fork_rng():
                torch.manual_seed(seed)
                member = Detector(settings, voice_from_config(SMALL)).eval()
                torch.nn.init.normal_(member.head[-1].weight)
            members.append(member)
        first, *others = members
        names = list(first.state_dict())
        learning = ("voice.model.encoder.layers.2.", "voice.project.", "voice.norm.")
        for other in others:
            if one_frame_encoder:
                share_parameters(
                    first, other, [name for name in names if name.startswith("frame.")]
                )
            share_parameters(
                first,
                other,
                [n for n in names if n.startswith("voice.") and not n.startswith(learning)],
            )
        return tuple(members)

    return make


def runs_of(modules):
    """Return a list that counts the forward passes of each module."""
    counts = [0] * len(modules)

    def count(place):
        def hook(*_):
            counts[place] += 1

        return hook

    for place, module in enumerate(modules):
        module.register_forward_hook(count(place))
    return counts


@torch.inference_mode()
@pytest.mark.parametrize("one_frame_encoder", [True, False])
def test_shared_layers_run_once_and_change_no_score(make_members, make_sample, one_frame_encoder):
    members = make_members(0, 1, 2, one_frame_encoder=one_frame_encoder)
    batch = collate([make_sample(4, 9000)], members[0].settings)
    alone = [member(batch).logit for member in members]
    frames = runs_of([member.frame.backbone for member in members])
    shared = runs_of([member.voice.model.encoder.layers[1] for member in members])
    own = runs_of([member.voice.model.encoder.layers[2] for member in members])
    ensemble = Ensemble(members)
    frame_features, audio_features = ensemble.encode_frames(batch), ensemble.encode_audio(batch)
    triples = zip(members, audio_features, frame_features, strict=True)
    together = [member(batch, *features).logit for member, *features in triples]
    assert frames == ([1, 0, 0] if one_frame_encoder else [1, 1, 1])
    assert shared == [1, 0, 0]
    assert own == [1, 1, 1]
    torch.testing.assert_close(together, alone)
    assert len({float(logit) for logit in alone}) == 3


@torch.inference_mode()
def test_equal_but_separate_weights_are_not_shared(make_members):
    members = make_members(0, 0, one_frame_encoder=False)
    assert not Ensemble(members).shares_frame_encoder  # equal weights in separate tensors
    assert Ensemble(members[:1]).shares_frame_encoder


def test_tuned_voice_is_not_shared(tiny, make_detector):
    assert not Ensemble([make_detector(tiny), make_detector(tiny, 1)]).shares_voice_layers


def make_bundle(members, **changes):
    calibration = Calibration(temperature=1.5)
    return Bundle(tuple(members), PreprocessingSettings(), calibration, 3, "demo", **changes)


def test_ensemble_score_is_the_mean_of_its_members(make_members, make_sample):
    members = make_members(0, 1, 2, one_frame_encoder=True)
    sample = make_sample(4, 9000)
    (score,) = score_samples(make_bundle(members), [sample], "32")
    each = [score_samples(make_bundle([member]), [sample], "32")[0] for member in members]
    assert score.member_logits == pytest.approx([item.logit * 1.5 for item in each], abs=1e-5)
    mean = np.mean([1 / (1 + np.exp(-item.logit * 1.5)) for item in each])
    odds = np.log(mean / (1 - mean))
    assert score.logit == pytest.approx(odds / 1.5, abs=1e-5)
    assert score.probability == pytest.approx(1 / (1 + np.exp(-odds / 1.5)), abs=1e-6)
    assert score.frame_probabilities.shape == (4,)
    low = np.min([item.frame_probabilities for item in each], axis=0)
    high = np.max([item.frame_probabilities for item in each], axis=0)
    assert np.all(
        (low - 1e-6 <= score.frame_probabilities) & (score.frame_probabilities <= high + 1e-6)
    )


def test_loaded_bundle_still_shares_layers(make_members, make_sample, tmp_path):
    before = make_bundle(make_members(0, 1, one_frame_encoder=True))
    save_bundle(tmp_path / "bundle", before)
    after = load_bundle(tmp_path / "bundle")
    ensemble = Ensemble(after.members)
    assert ensemble.shares_frame_encoder
    assert ensemble.shares_voice_layers
    sample = make_sample(3, 8000)
    (first,), (second,) = (score_samples(bundle, [sample], "32") for bundle in (before, after))
    assert np.array_equal(first.member_logits, second.member_logits)
