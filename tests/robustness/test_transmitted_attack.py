from dataclasses import replace

import numpy as np
import pytest
import torch

from unmask.config import PreprocessingSettings, SpeechSettings, TransmittedSettings
from unmask.models.collate import collate
from unmask.preprocessing.media.frames import iter_sampled_frames
from unmask.preprocessing.prepare import prepare_clip, to_model_inputs
from unmask.robustness.codec_surrogate import draw_codec, simulate_codec
from unmask.robustness.face_warp import find_region
from unmask.robustness.transmitted_attack import GradientSource, perturb_clip
from unmask.robustness.transmitted_video import apply_perturbations

PREPROCESSING = PreprocessingSettings(speech=SpeechSettings(method="energy"))
SETTINGS = TransmittedSettings(steps=6)


@pytest.fixture(scope="module")
def video(tmp_path_factory, make_video):
    return make_video(tmp_path_factory.mktemp("videos") / "fake.mp4", seconds=0.6)


@pytest.fixture(scope="module")
def features(video):
    return prepare_clip(video, PREPROCESSING)


@pytest.fixture(scope="module")
def detector(make_detector):
    return make_detector(0)


@pytest.fixture(scope="module")
def perturb(video, features, detector):
    def perturb_with(members, seed=1, **changes):
        source = GradientSource(members, detector.settings)
        settings = SETTINGS.replace(**changes)
        return perturb_clip(video, features, source, PREPROCESSING, settings, seed)

    return perturb_with


@pytest.fixture(scope="module")
def attacked(perturb, detector):
    return perturb((detector,))


def uploaded_frames(video, people):
    """Return the sampled frames of the file before encoding, without and with the change."""
    frames = list(iter_sampled_frames(video, PREPROCESSING.sampling.rate_hz))
    clean = np.stack([image for _, image in frames])
    changed = [apply_perturbations(image, time_s, people, 8) for time_s, image in frames]
    return clean, np.stack(changed)


def surrogate_logit(frames, features, detector):
    """Return the mean logit behind twenty random codecs."""
    person = features.people[0]
    region = find_region(person.track, PREPROCESSING.align, frames.shape[1:3])
    cuts = np.stack([region.cut(frame, place) for place, frame in enumerate(frames)])
    pixels = torch.from_numpy(cuts).permute(0, 3, 1, 2).float()
    batch = collate(to_model_inputs(features), detector.settings)
    generator, logits = torch.Generator().manual_seed(0), []
    with torch.no_grad():
        for _ in range(20):
            faces = region.warp(simulate_codec(pixels, draw_codec(generator))) / 255
            logits.append(float(detector.eval()(batch.replace(frames=faces[None])).logit))
    return np.mean(logits)


def test_the_upload_stays_within_the_budget_and_beats_random_noise(
    video, features, detector, perturb, attacked
):
    clean, changed = uploaded_frames(video, attacked)
    assert changed.dtype == np.uint8
    differences = np.abs(changed.astype(int) - clean)
    assert differences.max() == 8
    noisy = uploaded_frames(video, perturb(()))[1]
    assert np.abs(noisy.astype(int) - clean).max() == 8
    logits = [surrogate_logit(frames, features, detector) for frames in (clean, noisy, changed)]
    assert logits[2] < min(logits[:2]) - 2 * abs(logits[1] - logits[0])


def test_the_same_seed_gives_the_same_perturbation(perturb, detector, attacked):
    (again,) = perturb((detector,))
    (other,) = perturb((detector,), seed=2)
    np.testing.assert_array_equal(again.change, attacked[0].change)
    assert (other.change != attacked[0].change).any()


def test_several_members_lower_their_mean(video, features, detector, make_detector, perturb):
    second = make_detector(1)
    people = perturb((detector, second))
    clean, changed = uploaded_frames(video, people)

    def mean_logit(frames):
        return np.mean([surrogate_logit(frames, features, net) for net in (detector, second)])

    assert mean_logit(changed) < mean_logit(clean)


def test_every_person_of_a_clip_is_perturbed(perturb, video, features, detector):
    twice = replace(features, people=features.people * 2)
    source = GradientSource((detector,), detector.settings)
    people = perturb_clip(video, twice, source, PREPROCESSING, SETTINGS.replace(steps=1), 1)
    assert len(people) == 2
    assert all(person.change.any() for person in people)
