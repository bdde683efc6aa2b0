import pickle
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from typing import get_args

import numpy as np
import pytest

from tests.factories import make_clip
from unmask.config import AugmentationSettings, ModelSettings, TrainingSettings
from unmask.config.training import VoiceForgery
from unmask.data.forgeries.kept_voices import select_vocoders
from unmask.data.forgeries.online import (
    P_DESYNC,
    PSEUDO_FAKE,
    ForgeryParams,
    OnlineForger,
    expand_training_clips,
    make_forged_row,
)
from unmask.data.torch.collate import collate_examples
from unmask.data.torch.pair_sampler import PairBatchSampler
from unmask.data.torch.training_set import TrainingSet
from unmask.errors import DataError
from unmask.models.backbones.registry.catalog import NETWORKS
from unmask.preprocessing.faces.optical_flow import face_flow
from unmask.preprocessing.faces.source_faces import encode_source_faces
from unmask.preprocessing.prepare import to_model_inputs
from unmask.records import (
    RATE_HZ,
    ClipFeatures,
    FaceTrack,
    MediaInfo,
    PersonFeatures,
    Waveform,
)

NO_AUGMENTATION = AugmentationSettings(mirror=0.0, light=0.0)
FORGED, BOTH = (TrainingSettings(fake_source=source) for source in ("forged", "both"))
VOICES_ALONE = BOTH.replace(forged_parts=("voice",))


def a_clip(name, **changes):
    """A genuine clip; each name has another hash, and a fake the pair of its clip."""
    values = {
        "clip_id": name,
        "sha256": f"{sum(name.encode()):064x}",
        "identity": name,
        "split": "train",
        "pair_id": f"take-{name.removesuffix('-fake')}",
    }
    return make_clip(**values | changes)


def a_fake(name):
    return a_clip(f"{name}-fake", fake_video=True, manipulation="toy")


def with_source(person):
    """The person with crops before alignment that are the aligned faces themselves."""
    unmoved = [np.eye(2, 3)] * len(person.faces)
    return replace(person, source=encode_source_faces(person.faces, person.landmarks, unmoved))


@pytest.fixture(scope="module")
def load(portrait):
    """Feature loader: five frames of a portrait, landmarks on a grid over the face, and a hum."""
    face = np.ascontiguousarray(portrait[:224, 40:264])
    x, y = np.meshgrid(np.linspace(70, 150, 9), np.linspace(50, 150, 8))
    points = np.stack([x, y], axis=-1).reshape(-1, 2)[:68].astype(np.float32)
    outline = np.linspace(0, np.pi, 17)
    points[:17] = np.stack([110 - 60 * np.cos(outline), 90 + 80 * np.sin(outline)], axis=1)
    track = FaceTrack(
        0,
        np.arange(5) / 5,
        np.zeros((5, 4), np.float32),
        np.zeros((5, 68, 2), np.float32),
        np.zeros((5, 3), np.float32),
    )
    person = with_source(PersonFeatures(track, np.stack([face] * 5), None, np.stack([points] * 5)))
    hum = np.sin(2 * np.pi * 150 * np.arange(RATE_HZ) / RATE_HZ) ** 3 * 0.3

    def read(clip):
        info = MediaInfo(clip.path, clip.sha256, 1, 1.0, 5.0, 224, 224, 0, "h264", "aac")
        sound = None if "mute" in clip.clip_id else Waveform(hum.astype(np.float32))
        people = () if "faceless" in clip.clip_id else (person,)
        speech = np.zeros((0, 2)) if "silent" in clip.clip_id else np.array([[0.0, 1.0]])
        return ClipFeatures(info, 0.0, 1.0, 5, people, sound, speech)

    return read


def training_pairs(clips, load, fake_source="forged", seed=7):
    training = TrainingSettings(frames=3, audio_s=0.5, fake_source=fake_source)
    rows = expand_training_clips(clips, training)
    return rows, TrainingSet(rows, load, training, NO_AUGMENTATION, seed)


def compare_with_genuine(data, rows, epoch):
    """The pseudo-fake of the first pair, and whether its face and its sound were changed."""
    genuine, forged = data[epoch, 0], data[epoch, 1]
    (before,), (after,) = genuine.samples, forged.samples
    assert rows[1].manipulation == PSEUDO_FAKE
    assert not genuine.clip.is_fake
    return (
        forged,
        not np.array_equal(before.faces, after.faces),
        not np.array_equal(before.waveform, after.waveform),
    )


def test_pseudo_fake_differs_from_its_genuine_clip_only_in_the_labelled_modalities(load):
    rows, data = training_pairs([a_clip("a")], load)
    results = [compare_with_genuine(data, rows, epoch) for epoch in range(25)]
    for forged, face, voice in results:
        clip = forged.clip
        assert (clip.fake_video, clip.fake_audio or clip.mismatched) == (face, voice)
        assert clip.is_fake
    assert {(face, voice) for _, face, voice in results} == {
        (True, True),
        (True, False),
        (False, True),
    }


def test_desynced_pseudo_fake_has_the_same_sound_shifted_in_time(load):
    clip = a_clip("a")
    rows, data = training_pairs([clip], load)
    (sample,) = to_model_inputs(load(clip))
    sampled = [data.forger.sample_forgery(rows[1], sample, epoch) for epoch in range(200)]
    shifted = [params for params in sampled if params.shift_s is not None]
    assert len(shifted) / len(sampled) == pytest.approx(P_DESYNC, abs=0.08)
    assert {np.sign(params.shift_s) for params in shifted} == {-1, 1}
    for params in shifted[:10]:
        assert params.face_seed is params.voice_method is None
        assert 0.2 <= abs(params.shift_s) <= 0.5  # half of one second of sound
        labelled = params.relabel(rows[1])
        assert params.mismatched
        assert (labelled.fake_video, labelled.fake_audio) == (False, False)
        assert labelled.is_fake
        assert labelled.mismatched
        moved = data.forger.apply_voice(clip, sample, params)
        restored = np.roll(moved.waveform, -round(params.shift_s * RATE_HZ))
        assert np.mean(restored == sample.waveform) > 0.97  # all but the faded seam
        assert np.array_equal(moved.faces, sample.faces)


def test_targets_name_the_forged_modality(load):
    _, data = training_pairs([a_clip("a")], load)
    assert any(data[epoch, 1].clip.mismatched for epoch in range(25))
    for epoch in range(25):
        examples = [data[epoch, 0], data[epoch, 1]]
        targets = collate_examples(examples, ModelSettings()).targets
        clip = examples[1].clip
        assert targets.fake_video.tolist() == [False, clip.fake_video]
        assert targets.fake_audio.tolist() == [False, clip.fake_audio]
        assert targets.is_fake.tolist() == [False, True]


def test_forgery_depends_on_seed_and_epoch_and_not_on_the_order(load):
    first = training_pairs([a_clip("a"), a_clip("b")], load)[1]
    repeated = training_pairs([a_clip("a"), a_clip("b")], load)[1]
    keys = [(epoch, index) for epoch in range(3) for index in range(4)]
    forward = {key: first[key].samples[0] for key in keys}
    for key in reversed(keys):
        (sample,) = repeated[key].samples
        assert np.array_equal(sample.faces, forward[key].faces)
        assert np.array_equal(sample.waveform, forward[key].waveform)
    other = training_pairs([a_clip("a"), a_clip("b")], load, seed=8)[1]
    assert any(not np.array_equal(other[key].samples[0].faces, forward[key].faces) for key in keys)


def test_a_forged_voice_is_that_of_the_re_encoded_copy(load):
    clip = a_clip("a")
    (sample,) = to_model_inputs(load(clip))
    shorter = replace(sample, waveform=sample.waveform[:-320], is_speech=sample.is_speech[:-320])
    quieter = replace(sample, waveform=sample.waveform / 4)
    forger, params = OnlineForger([clip], FORGED, 7), ForgeryParams(voice_method="griffin_lim")
    own, short, quiet = (
        forger.apply_voice(clip, source, params).waveform for source in (sample, shorter, quieter)
    )
    assert (len(own), len(short)) == (len(sample.waveform), len(shorter.waveform))
    assert not np.array_equal(own, quiet)
    assert forger.apply_voice(clip, sample, params).waveform is own


def test_voices_are_forged_by_the_methods_of_the_settings_alone(load):
    clip, methods = a_clip("faceless"), ("hifigan-ljspeech", "convert", "hifigan-universal")
    (sample,) = to_model_inputs(load(clip))
    row = make_forged_row(clip)
    drawn = OnlineForger([clip, row], FORGED.replace(voice_forgeries=methods), 7)
    counts = Counter(drawn.sample_forgery(row, sample, n).voice_method for n in range(300))
    assert set(counts) == set(methods)
    assert min(counts.values()) > 70
    rows, data = training_pairs([clip], load)
    default = {data.forger.sample_forgery(rows[1], sample, n).voice_method for n in range(20)}
    assert default == {"griffin_lim", "convert"}


def test_every_vocoder_of_the_settings_is_in_the_registry():
    names = select_vocoders(get_args(VoiceForgery))
    assert names
    assert set(names) == {network.name for network in NETWORKS if network.is_vocoder}


@pytest.mark.slow
def test_a_forger_vocodes_in_another_process_as_in_this_one(load, vocoder_name):
    """A loader process that is not forked gets it pickled, without the weights.

    A fork server may run already, with the environment of an earlier test.
    """
    data = OnlineForger([a_clip("a")], FORGED.replace(voice_forgeries=(vocoder_name,)), 7)
    (sample,) = to_model_inputs(load(a_clip("a")))
    arguments = data, a_clip("a"), sample, ForgeryParams(voice_method=vocoder_name)
    own = OnlineForger.apply_voice(*arguments).waveform
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        other = pool.submit(OnlineForger.apply_voice, *arguments).result().waveform
    assert len(pickle.dumps(data)) < 10_000
    assert not np.array_equal(own, sample.waveform)
    assert np.array_equal(own, other)


def test_optical_flow_of_a_pseudo_fake_is_recomputed(load):
    def moving(clip):
        features = load(clip)
        (person,) = features.people
        faces = np.stack([np.roll(face, 2 * n, axis=1) for n, face in enumerate(person.faces)])
        points = person.landmarks + 2 * np.arange(5, dtype=np.float32)[:, None, None] * [1, 0]
        flow = face_flow(faces, person.track.time_s)
        return replace(
            features,
            people=(
                with_source(
                    replace(person, faces=faces, flow=flow, landmarks=points.astype(np.float32))
                ),
            ),
        )

    _, data = training_pairs([a_clip("mute")], moving)
    for epoch in range(3):
        genuine, forged = (data[epoch, index].samples[0] for index in (0, 1))
        time_s = np.arange(len(forged.faces)) / 5
        for sample in (genuine, forged):
            assert np.array_equal(sample.flow[1:], face_flow(sample.faces, time_s)[1:])
        assert not np.array_equal(forged.flow, genuine.flow)
        assert np.array_equal(forged.flow[0], genuine.flow[0])


@pytest.mark.parametrize(
    ("name", "video", "audio"),
    [("mute", True, False), ("faceless", False, True), ("silent", True, False)],
)
def test_absent_modality_is_never_forged(load, name, video, audio):
    _, data = training_pairs([a_clip(name)], load)
    for epoch in range(6):
        clip = data[epoch, 1].clip
        assert (clip.fake_video, clip.fake_audio) == (video, audio)


def test_clip_without_face_and_speech_yields_a_problem(load):
    _, data = training_pairs([a_clip("faceless-silent")], load)
    assert data[0, 0].samples
    assert not data[0, 1].samples
    assert "neither a face nor speech" in data[0, 1].problem


def test_source_forged_puts_a_pseudo_fake_after_each_genuine_clip():
    clips = [c for name in "abcd" for c in (a_clip(name), a_fake(name))]
    rows = expand_training_clips(clips, FORGED)
    assert [row.clip_id for row in rows[:4]] == ["a", "a~forged", "b", "b~forged"]
    assert {row.manipulation for row in rows} == {"none", PSEUDO_FAKE}
    order = [index for batch in PairBatchSampler(rows, 4, seed=1) for _, index in batch]
    for first, second in zip(order[::2], order[1::2], strict=True):
        assert rows[second] == make_forged_row(rows[first])
    assert expand_training_clips(clips, TrainingSettings()) == tuple(clips)


def test_source_both_replaces_about_half_of_the_labelled_fakes():
    clips = [c for name in "abcdefgh" for c in (a_clip(name), a_fake(name))]
    forger = OnlineForger(expand_training_clips(clips, BOTH), BOTH, seed=3)
    chosen = [[forger.maybe_replace(clip, epoch) for clip in clips] for epoch in range(20)]
    for epoch_clips in chosen:
        assert epoch_clips[::2] == clips[::2]
        assert [clip.pair_id for clip in epoch_clips] == [clip.pair_id for clip in clips]
    forged = [clip.manipulation == PSEUDO_FAKE for row in chosen for clip in row[1::2]]
    assert np.mean(forged) == pytest.approx(0.5, abs=0.15)
    labelled = OnlineForger(clips, TrainingSettings(), seed=3)
    assert [labelled.maybe_replace(clip, 0) for clip in clips] == clips


def test_source_both_adds_pseudo_fakes_of_genuine_clips_without_a_fake():
    clips = [a_clip("a"), a_fake("a"), a_clip("b"), a_clip("c")]
    rows = expand_training_clips(clips, BOTH)
    assert rows == (*clips, make_forged_row(clips[2]), make_forged_row(clips[3]))
    forger = OnlineForger(rows, BOTH, seed=3)
    assert all(forger.maybe_replace(row, epoch) is row for row in rows[2:] for epoch in range(5))


def test_source_both_forges_every_genuine_clip_of_a_pair():
    first, second, fake = a_clip("a"), replace(a_clip("b"), pair_id="take-a"), a_fake("a")
    forger = OnlineForger((first, second, fake), BOTH, seed=3)
    chosen = {forger.maybe_replace(fake, epoch).path for epoch in range(40)}
    assert chosen == {first.path, second.path, fake.path}


def test_each_fake_of_a_clip_is_replaced_by_a_different_pseudo_fake(load):
    clips = [a_clip("a"), *(replace(a_fake("a"), clip_id=f"fake-{n}") for n in range(4))]
    training = TrainingSettings(frames=3, audio_s=0.5, fake_source="both")
    data = TrainingSet(expand_training_clips(clips, training), load, training, NO_AUGMENTATION, 7)
    for epoch in range(10):
        examples = [data[epoch, index] for index in range(1, 5)]
        forged = [row for row in examples if row.clip.manipulation == PSEUDO_FAKE]
        faces = {row.samples[0].faces.tobytes() for row in forged if row.clip.fake_video}
        assert len(faces) == sum(row.clip.fake_video for row in forged)


@pytest.mark.parametrize("fake_source", ["forged", "both"])
def test_forging_without_genuine_clips_is_refused(fake_source):
    with pytest.raises(DataError, match="genuine"):
        expand_training_clips([a_fake("a")], TrainingSettings(fake_source=fake_source))


def test_pair_differs_only_inside_the_face(load):
    """Colours and sharpness of the target are drawn for the pair, not for its fake."""
    _, data = training_pairs([a_clip("mute")], load)
    changed = []
    for epoch in range(12):
        genuine, forged = (data[epoch, index].samples[0].faces for index in (0, 1))
        # far from the landmarks, which span x from 50 to 170 and y from 50 to 150
        assert np.array_equal(genuine[:, :, 200:], forged[:, :, 200:])
        assert not np.array_equal(genuine[:, 60:140, 70:150], forged[:, 60:140, 70:150])
        changed.append(data.forger.sample_target_change(a_clip("mute"), epoch) is not None)
    assert {True, False} == set(changed)


def test_labelled_fake_gets_the_changes_of_its_pair(load):
    """Otherwise such changes would tell genuine clips from fakes."""
    clips = [a_clip("mute"), a_fake("mute")]
    training = TrainingSettings(frames=3, audio_s=0.5, fake_source="both")
    data = TrainingSet(clips, load, training, NO_AUGMENTATION, 7)
    labelled = [epoch for epoch in range(12) if data[epoch, 1].clip.manipulation == "toy"]
    assert labelled
    for epoch in labelled:  # the toy fake shows the pictures of the genuine clip
        genuine, fake = (data[epoch, index].samples[0].faces for index in (0, 1))
        assert np.array_equal(genuine, fake)


def test_a_forged_face_without_its_source_is_reported(load):
    def without_source(clip):
        features = load(clip)
        people = tuple(replace(person, source=None) for person in features.people)
        return replace(features, people=people)

    _, data = training_pairs([a_clip("mute")], without_source)
    assert "set preprocessing.source_faces.enabled=true" in data[0, 1].problem
    assert data[0, 0].samples


def test_all_frames_of_a_sample_are_forged_alike(load):
    """Equal frames differ after forging only by the jitter, less than from the genuine frames."""
    rows, data = training_pairs([a_clip("mute")], load)
    for epoch in range(5):
        genuine = data[epoch, 0].samples[0].faces.astype(int)
        forged = data[epoch, 1].samples[0].faces.astype(int)
        assert np.abs(forged - genuine).mean() > np.abs(forged - forged[:1]).mean()
    assert rows[1].clip_id == "mute~forged"


@pytest.mark.parametrize("parts", [("face",), ("voice",), ("sync",), ("face", "voice")])
def test_only_the_parts_of_the_settings_are_forged(load, parts):
    clip = a_clip("a")
    sample = to_model_inputs(load(clip))[0]
    forger = OnlineForger([clip], FORGED.replace(forged_parts=parts), 7)
    drawn = [forger.sample_forgery(make_forged_row(clip), sample, epoch) for epoch in range(40)]
    forged = {
        "face": [each.face_seed is not None for each in drawn],
        "voice": [each.voice_method is not None for each in drawn],
        "sync": [each.mismatched for each in drawn],
    }
    assert {part for part, rows in forged.items() if any(rows)} == set(parts)
    assert all(map(any, zip(*forged.values(), strict=True)))


def test_a_silent_clip_has_no_pseudo_fake_where_voices_alone_are_forged():
    clips = [a_clip("a"), a_clip("b", has_audio=False)]
    rows = expand_training_clips(clips, VOICES_ALONE)
    assert rows == (*clips, make_forged_row(clips[0]))
    assert len(expand_training_clips(clips, BOTH)) == 4


def test_a_pseudo_fake_with_a_forged_voice_has_the_features_of_its_genuine_face(load):
    clips = [a_clip("a"), a_clip("b"), a_fake("b")]
    training = VOICES_ALONE.replace(frames=3, audio_s=0.5)
    vectors = {
        clip.sha256: np.full((5, 4), number, np.float32) for number, clip in enumerate(clips)
    }
    rows = expand_training_clips(clips, training)
    data = TrainingSet(rows, load, training, NO_AUGMENTATION, 7, vectors)
    replaced = next(
        example
        for epoch in range(20)
        if (example := data[epoch, 2]).clip.manipulation == PSEUDO_FAKE
    )
    assert replaced.clip.clip_id.startswith("b-fake")
    for example, number in ((data[0, 3], 0), (replaced, 1)):
        assert (example.clip.fake_video, example.clip.fake_audio) == (False, True)
        assert example.vectors.tolist() == np.full((3, 4), number).tolist()
