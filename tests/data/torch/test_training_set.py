from dataclasses import replace

import numpy as np
import pytest

from tests.factories import make_clip
from unmask.config import AugmentationSettings, ModelSettings, TrainingSettings
from unmask.data.torch.collate import collate_examples
from unmask.data.torch.training_set import TrainingSet, label_for_excerpt, random_frame_range
from unmask.records import RATE_HZ, FakeSpan

NO_AUGMENTATION = AugmentationSettings(mirror=0.0, light=0.0)


def fake_clip(name, **changes):
    return make_clip(clip_id=name, fake_video=True, **changes)


@pytest.fixture
def training_set(load):
    def build(clips, read=load, frames=4, audio_s=0.5, seed=7, augmentation=None):
        training = TrainingSettings(frames=frames, audio_s=audio_s)
        return TrainingSet(clips, read, training, augmentation or AugmentationSettings(), seed)

    return build


@pytest.fixture
def excerpts(training_set):
    """Samples of one clip in several epochs."""

    def sample(name="a", epochs=20, **settings):
        data = training_set([fake_clip(name)], **settings)
        return [data[epoch, 0].samples[0] for epoch in range(epochs)]

    return sample


def test_sound_of_an_excerpt_starts_with_its_first_frame(excerpts):
    for sample in excerpts(augmentation=NO_AUGMENTATION):
        assert (len(sample.faces), len(sample.waveform)) == (4, RATE_HZ // 2)
        frame_s = float(sample.faces[0, 0, 0, 0]) / 10 / 5
        # the last 0.5 s of sound belong to all frames after 3.5 s
        assert float(sample.waveform[0]) * 10 == pytest.approx(min(frame_s, 3.5), abs=1e-5)
        assert np.diff(sample.faces[:, 0, 0, 0].astype(int)).tolist() == [10, 10, 10]
        shown_s = sample.faces[:, 0, 0, 0] / 50 - float(sample.waveform[0]) * 10
        assert sample.times_s == pytest.approx(shown_s, abs=1e-4)  # on the clock of the sound


def test_epochs_draw_from_re_encoded_copies_but_precomputed_vectors_do_not(load, training_set):
    read = []

    def load_copy(clip, condition=""):
        read.append(condition)
        return load(clip)

    augmentation = NO_AUGMENTATION.replace(reencode=0.5, reencodings=("half",))
    data = training_set([fake_clip("a")], load_copy, augmentation=augmentation)
    for epoch in range(20):
        _ = data[epoch, 0]
    assert set(read) == {"", "half"}
    read.clear()
    data.vectors = {"a": np.zeros((20, 3), np.float32)}
    for epoch in range(20):
        _ = data[epoch, 0]
    assert set(read) == {""}


def test_excerpts_differ_between_epochs(excerpts):
    starts = {round(float(sample.waveform[0]) * 50) for sample in excerpts()}
    assert len(starts) > 5


def test_speech_mask_is_cut_with_the_sound(excerpts):
    for sample in excerpts():
        times_s = sample.waveform.astype(np.float64) * 10
        inside = (times_s > 1.001) & (times_s < 1.999)
        outside = (times_s < 0.999) | (times_s > 2.001)
        assert sample.is_speech[inside].all()
        assert not sample.is_speech[outside].any()


def test_landmarks_and_pose_are_cut_with_the_faces_and_become_targets(load, training_set):
    def numbered(clip):
        features = load(clip)
        (person,) = features.people
        points = np.broadcast_to(np.arange(20, dtype=np.float32)[:, None, None], (20, 68, 2))
        pose = np.broadcast_to(np.arange(20, dtype=np.float32)[:, None], (20, 3)) * [0, 1, 0]
        track = replace(person.track, pose_deg=pose.astype(np.float32))
        return replace(features, people=(replace(person, landmarks=points, track=track),))

    example = training_set([fake_clip("a")], numbered)[0, 0]
    (sample,) = example.samples
    first = sample.pose_deg[0, 1]  # pitch, which mirroring does not change
    assert sample.pose_deg[:, 1].tolist() == [first, first + 1, first + 2, first + 3]
    assert sample.landmarks[:, 0, 1].tolist() == sample.pose_deg[:, 1].tolist()
    targets = collate_examples([example], ModelSettings(auxiliary=True)).targets
    assert (targets.landmarks[0, :, 0, 1] * 224).tolist() == pytest.approx(
        sample.landmarks[:, 0, 1].tolist(), abs=1e-4
    )
    assert (targets.pose[0, :, 1] * 90).tolist() == pytest.approx(sample.pose_deg[:, 1].tolist())


def test_same_seed_repeats_the_excerpts_and_another_seed_does_not(excerpts):
    first, repeated, other = excerpts(), excerpts(), excerpts(seed=8)

    def equal(left, right):
        return [np.array_equal(a.faces, b.faces) for a, b in zip(left, right, strict=True)]

    assert all(equal(first, repeated))
    assert not all(equal(first, other))


@pytest.mark.parametrize(("name", "frames", "samples"), [("faceless", 0, 8000), ("mute", 4, 0)])
def test_missing_modality_stays_empty(excerpts, name, frames, samples):
    for sample in excerpts(name, epochs=3):
        assert (len(sample.faces), len(sample.waveform)) == (frames, samples)


def test_clip_shorter_than_an_excerpt_is_taken_whole(excerpts):
    (sample,) = excerpts(epochs=1, frames=99, audio_s=60.0)
    assert (len(sample.faces), len(sample.waveform)) == (20, 4 * RATE_HZ)


@pytest.mark.parametrize(
    ("name", "problem"), [("broken", "cannot be decoded"), ("faceless-mute", "neither a face")]
)
def test_unusable_clip_is_returned_with_its_problem(training_set, name, problem):
    example = training_set([fake_clip(name)])[0, 0]
    assert (example.clip.clip_id, example.samples) == (name, ())
    assert problem in example.problem


def test_clips_of_a_pair_get_the_same_excerpt_and_augmentation(training_set):
    clips = [fake_clip("a", pair_id="take"), fake_clip("b", pair_id="take"), fake_clip("c")]
    data = training_set(clips)
    for epoch in range(5):
        first, second, stranger = (data[epoch, index].samples[0] for index in range(3))
        assert np.array_equal(first.faces, second.faces)
        assert np.array_equal(first.waveform, second.waveform)
        assert not np.array_equal(first.faces, stranger.faces)


def test_time_stretched_excerpt_starts_with_its_frames_and_has_the_usual_length(training_set):
    plain, stretched = (
        training_set([fake_clip("a")], augmentation=augmentation)
        for augmentation in (AugmentationSettings(), AugmentationSettings(stretch=1.0))
    )
    stretches = []
    for epoch in range(5):
        before, after = (data[epoch, 0].samples[0] for data in (plain, stretched))
        assert np.array_equal(before.faces, after.faces)
        assert abs(len(after.waveform) - RATE_HZ // 2) <= 1
        assert len(after.is_speech) == len(after.waveform)
        heard_s = (float(after.waveform[-50]) - float(after.waveform[50])) * 10  # of the source
        stretch = (len(after.waveform) - 100) / RATE_HZ / heard_s
        assert np.diff(after.times_s) == pytest.approx(np.diff(before.times_s) * stretch, rel=0.05)
        stretches.append(float(np.diff(after.times_s)[0] / 0.2))
    assert np.ptp(stretches) > 0.05


def test_precomputed_vectors_are_cut_like_the_frames_and_not_augmented(load):
    clip = fake_clip("a")
    vectors = {clip.sha256: np.arange(20, dtype=np.float32)[:, None]}
    training = TrainingSettings(frames=4, audio_s=0.5)
    data = TrainingSet([clip], load, training, NO_AUGMENTATION, 7, vectors)
    for epoch in range(5):
        example = data[epoch, 0]
        grey = example.samples[0].faces[:, 0, 0, 0]
        assert (example.vectors[:, 0] * 10).tolist() == grey.tolist()


@pytest.mark.parametrize(("total", "length"), [(20, 8), (8, 8), (3, 8), (0, 8), (1, 1)])
def test_random_frame_range_is_contiguous_and_reaches_both_ends(total, length):
    rng = np.random.default_rng(0)
    ranges = [random_frame_range(total, length, rng) for _ in range(300)]
    assert {len(frames) for frames in ranges} == {min(total, length)}
    assert {frames.start for frames in ranges} == set(range(max(total - length, 0) + 1))


@pytest.mark.parametrize(
    ("frame_times_s", "audio_s", "video", "audio"),
    [
        ((1.0, 1.2), (1.0, 2.0), True, False),  # frames in the first span, sound before the second
        ((3.0, 3.2), (3.0, 4.0), False, True),
        ((2.2, 2.4), (2.2, 3.0), False, False),  # between the spans; the sound ends at the second
        ((0.8, 2.0), (0.0, 4.0), True, True),
        ((), (2.5, 3.1), False, True),  # no face
    ],
)
def test_excerpt_of_a_partly_forged_clip_is_fake_if_it_overlaps_a_forged_span(
    frame_times_s, audio_s, video, audio
):
    spans = (FakeSpan(1.0, 2.0, "video"), FakeSpan(3.0, 3.5, "audio"))
    clip = fake_clip("partly", fake_audio=True, fake_periods=spans)
    labelled = label_for_excerpt(clip, np.array(frame_times_s), audio_s)
    assert (labelled.fake_video, labelled.fake_audio) == (video, audio)
    assert labelled.is_fake == (video or audio)


def test_modality_without_listed_spans_is_forged_throughout():
    clip = fake_clip("voice", fake_audio=True, fake_periods=(FakeSpan(1.0, 2.0, "audio"),))
    labelled = label_for_excerpt(clip, np.array([3.0]), (3.0, 4.0))
    assert (labelled.fake_video, labelled.fake_audio) == (True, False)


def test_training_example_carries_the_labels_of_its_excerpt(training_set):
    clip = fake_clip("partly", fake_periods=(FakeSpan(0.0, 0.9, "video"),))
    data = training_set([clip], audio_s=1.0, seed=1, augmentation=NO_AUGMENTATION)
    labels = {}
    for epoch in range(30):
        example = data[epoch, 0]
        first_s = float(example.samples[0].faces[0, 0, 0, 0]) / 10 / 5  # from the grey level
        labels[round(first_s, 1)] = example.clip.is_fake
    assert {True, False} == set(labels.values())
    assert all(is_fake == (first_s <= 0.9) for first_s, is_fake in labels.items())


def test_bug_that_a_clip_triggers_is_its_problem(training_set):
    clips = [make_clip(clip_id="odd")]
    example = training_set(clips, lambda _: 1 / 0)[0, 0]
    assert example.samples == ()
    assert "ZeroDivisionError: division by zero; please report" in example.problem


@pytest.fixture
def read_pair(load):
    """Read a genuine clip, and a fake that is darker by one grey level and twice as loud."""

    def read(clip, condition=""):
        features = load(replace(clip, clip_id="a"))
        person = features.people[0]
        boxes_px = np.tile(np.float32([0, 0, 99, 99]), (len(person.track.time_s), 1))
        person = replace(person, track=replace(person.track, boxes_px=boxes_px))
        if not clip.is_fake:
            return replace(features, people=(person,))
        waveform = replace(features.waveform, samples=features.waveform.samples * 2)
        return replace(
            features, people=(replace(person, faces=person.faces + 1),), waveform=waveform
        )

    return read


def make_pair(**labels):
    facts = {"pair_id": "pair", "sha256": "1" * 64, "fake_video": True, **labels}
    return [make_clip(clip_id="genuine", pair_id="pair"), make_clip(clip_id="fake", **facts)]


def sample_stretches(clips, read, partial=1.0, epochs=20, vectors=None):
    training = TrainingSettings(frames=6, audio_s=2.0, partial=partial)
    data = TrainingSet(clips, read, training, NO_AUGMENTATION, 7, vectors)
    return [data[epoch, len(clips) - 1] for epoch in range(epochs)]


def test_a_stretch_of_a_fake_is_cut_into_its_twin(read_pair):
    for example in sample_stretches(make_pair(fake_audio=True), read_pair):
        forged = example.samples[0].faces[:, 0, 0, 0] % 10
        np.testing.assert_array_equal(example.labels.frames, forged)
        assert 0 < forged.sum() < 6
        loudness = np.diff(example.samples[0].waveform[::320]) * 500  # 1 genuine, 2 forged
        labels = example.labels.steps[: len(loudness)]
        known = ~np.isnan(labels)
        np.testing.assert_allclose(loudness[known], labels[known] + 1, atol=0.01)
        assert (example.clip.fake_video, example.clip.is_fake) == (True, True)


def test_an_unforged_modality_stays_labelled_genuine(read_pair):
    for example in sample_stretches(make_pair(), read_pair):
        assert np.nanmax(example.labels.steps) == 0
        assert example.clip.fake_audio is False


def test_precomputed_vectors_are_cut_alike(read_pair):
    vectors = {"0" * 64: np.zeros((20, 3), np.float32), "1" * 64: np.ones((20, 3), np.float32)}
    for example in sample_stretches(make_pair(), read_pair, vectors=vectors):
        np.testing.assert_array_equal(example.vectors[:, 0], example.labels.frames)


def test_the_share_of_stretches_is_the_setting(read_pair):
    shares = [
        np.mean([e.labels.frames.min() == 0 for e in sample_stretches(make_pair(), read_pair, p)])
        for p in (0.0, 0.5)
    ]
    assert shares[0] == 0
    assert 0.2 < shares[1] < 0.8


def test_fakes_without_a_twin_and_mismatched_ones_stay_whole(read_pair):
    for clips in (make_pair()[1:], make_pair(fake_video=False, mismatched=True, is_fake=True)):
        for example in sample_stretches(clips, read_pair, epochs=5):
            assert set(example.samples[0].faces[:, 0, 0, 0] % 10) == {1}


@pytest.mark.parametrize(
    ("name", "shift"),
    [("time_s", 0.05), ("boxes_px", 1000)],
    ids=["other moments", "somebody else"],
)
def test_a_twin_that_shows_something_else_is_not_used(read_pair, name, shift):
    def read_shifted(clip, condition=""):
        features = read_pair(clip)
        if clip.is_fake:
            return features
        person = features.people[0]
        track = replace(person.track, **{name: getattr(person.track, name) + shift})
        return replace(features, people=(replace(person, track=track),))

    for example in sample_stretches(make_pair(), read_shifted, epochs=5):
        assert example.labels.frames.tolist() == [1] * 6


def test_batches_have_the_labels_of_frames_and_steps(read_pair):
    clips = make_pair()
    training = TrainingSettings(frames=6, audio_s=2.0, partial=1.0)
    data = TrainingSet(clips, read_pair, training, NO_AUGMENTATION, 7)
    targets = collate_examples([data[0, 0], data[0, 1]], ModelSettings()).targets
    assert targets.frame_is_fake.shape == (2, 6)
    assert targets.step_is_fake.shape == (2, 100)
    assert targets.frame_is_fake.sum(1).tolist()[0] == 0 < targets.frame_is_fake.sum(1).tolist()[1]
