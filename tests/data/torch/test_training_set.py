from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from unmask.config import AugmentationSettings, ModelSettings, TrainingSettings
from unmask.data.torch.evaluation_set import EvaluationClips, collate_examples
from unmask.data.torch.training_set import (
    PairBatchSampler,
    TrainingSet,
    label_for_excerpt,
    random_frame_range,
)
from unmask.errors import MediaError
from unmask.records import (
    Clip,
    ClipFeatures,
    FaceTrack,
    FakeSpan,
    MediaInfo,
    PersonFeatures,
    Waveform,
)

RATE_HZ = 16_000


def a_clip(name, **changes):
    clip = Clip(
        clip_id=name,
        path=Path(f"/nowhere/{name}.mp4"),
        sha256="0" * 64,
        source="toy",
        identity=name,
        split="train",
        is_fake=True,
        fake_video=True,
        fake_audio=False,
        manipulation="toy",
        pair_id=name,
        duration_s=4.0,
        fps=25.0,
        width=640,
        height=480,
        has_audio=True,
        licence="",
    )
    return replace(clip, **changes)


def load(clip):
    """Frame ``t`` is grey ``10·t``; the sound's value is its own time in seconds, over ten."""
    if clip.clip_id == "broken":
        raise MediaError("broken.mp4: cannot be decoded")
    frames = 20
    track = FaceTrack(
        0,
        np.arange(frames) / 5,
        np.zeros((frames, 4), np.float32),
        np.zeros((frames, 68, 2), np.float32),
        np.zeros((frames, 3), np.float32),
    )
    grey = (np.arange(frames) * 10).astype(np.uint8)[:, None, None, None]
    faces = np.broadcast_to(grey, (frames, 224, 224, 3))
    flow = np.zeros((frames, 2, 224, 224), np.int8)
    person = PersonFeatures(track, faces, flow, np.zeros((frames, 68, 2), np.float32))
    info = MediaInfo(clip.path, clip.sha256, 1, 4.0, 25.0, 640, 480, 0, "h264", "aac")
    samples = (np.arange(4 * RATE_HZ) / RATE_HZ / 10).astype(np.float32)
    people = () if "faceless" in clip.clip_id else (person,)
    waveform = None if "mute" in clip.clip_id else Waveform(samples)
    return ClipFeatures(info, 0.0, 4.0, 20, people, waveform, np.array([[1.0, 2.0]]))


def training_clips(clips, read=load, frames=4, audio_s=0.5, seed=7):
    training = TrainingSettings(frames=frames, audio_s=audio_s)
    return TrainingSet(clips, read, training, AugmentationSettings(), seed)


def drawn(name="a", epochs=20, frames=4, audio_s=0.5, seed=7):
    data = training_clips([a_clip(name)], load, frames, audio_s, seed)
    return [data[epoch, 0].samples[0] for epoch in range(epochs)]


def test_the_sound_of_a_training_sample_belongs_to_its_frames():
    for sample in drawn():
        assert (len(sample.faces), len(sample.waveform)) == (4, RATE_HZ // 2)
        begin_s = float(sample.waveform[0]) * 10
        levels = sample.faces[:, 0, 0, 0].astype(float)
        # brightness and contrast change, so frames are told apart by where the sound begins
        assert begin_s == pytest.approx(round(begin_s * 5) / 5, abs=1e-5) or begin_s > 3.2
        assert (np.diff(levels) >= 0).all()
    begins = {round(float(sample.waveform[0]) * 50) for sample in drawn()}
    assert len(begins) > 5


def test_speech_is_cut_with_the_sound():
    for sample in drawn():
        times_s = sample.waveform.astype(np.float64) * 10
        inside = (times_s > 1.001) & (times_s < 1.999)
        outside = (times_s < 0.999) | (times_s > 2.001)
        assert sample.is_speech[inside].all()
        assert not sample.is_speech[outside].any()


def test_landmarks_and_pose_are_cut_with_the_faces_and_become_targets():
    def numbered(clip):
        features = load(clip)
        (person,) = features.people
        points = np.broadcast_to(np.arange(20, dtype=np.float32)[:, None, None], (20, 68, 2))
        pose = np.broadcast_to(np.arange(20, dtype=np.float32)[:, None], (20, 3)) * [0, 1, 0]
        track = replace(person.track, pose_deg=pose.astype(np.float32))
        return replace(features, people=(replace(person, landmarks=points, track=track),))

    data = training_clips([a_clip("a")], numbered)
    example = data[0, 0]
    (sample,) = example.samples
    first = sample.pose_deg[0, 1]  # pitch, which mirroring leaves alone
    assert sample.pose_deg[:, 1].tolist() == [first, first + 1, first + 2, first + 3]
    assert sample.landmarks[:, 0, 1].tolist() == sample.pose_deg[:, 1].tolist()
    targets = collate_examples([example], ModelSettings(auxiliary=True)).targets
    assert (targets.landmarks[0, :, 0, 1] * 224).tolist() == pytest.approx(
        sample.landmarks[:, 0, 1].tolist(), abs=1e-4
    )
    assert (targets.pose[0, :, 1] * 90).tolist() == pytest.approx(sample.pose_deg[:, 1].tolist())
    assert collate_examples([example], ModelSettings()).targets.landmarks is None


def test_chance_is_seed_epoch_and_index_alone():
    first, again, other = drawn(), drawn(), drawn(seed=8)
    same = [np.array_equal(a.faces, b.faces) for a, b in zip(first, again, strict=True)]
    assert all(same)
    assert not all(np.array_equal(a.faces, b.faces) for a, b in zip(first, other, strict=True))


@pytest.mark.parametrize(("name", "frames", "samples"), [("faceless", 0, 8000), ("mute", 4, 0)])
def test_a_missing_modality_is_left_out(name, frames, samples):
    for sample in drawn(name, epochs=3):
        assert (len(sample.faces), len(sample.waveform)) == (frames, samples)


def test_a_clip_shorter_than_a_sample_is_taken_whole():
    (sample,) = drawn(epochs=1, frames=99, audio_s=60.0)
    assert (len(sample.faces), len(sample.waveform)) == (20, 4 * RATE_HZ)


@pytest.mark.parametrize(
    ("name", "words"), [("broken", "cannot be decoded"), ("faceless-mute", "neither a face")]
)
def test_a_bad_clip_is_handed_on_with_its_problem_and_never_replaced(name, words):
    clips = [a_clip("good"), a_clip(name)]
    for examples in (
        [EvaluationClips(clips, load)[index] for index in range(2)],
        [training_clips(clips)[0, index] for index in range(2)],
    ):
        batch = collate_examples(examples, ModelSettings())
        assert [clip.clip_id for clip in batch.clips] == ["good"]
        assert len(batch.batch.frames) == len(batch.targets.fake_video) == 1
        ((clip_id, problem),) = batch.problems
        assert clip_id == name
        assert words in problem


def test_a_batch_of_bad_clips_alone_holds_nothing_but_problems():
    batch = collate_examples([EvaluationClips([a_clip("broken")], load)[0]], ModelSettings())
    assert batch.batch is None
    assert len(batch.problems) == 1


@pytest.mark.parametrize("takes", [1, 3, 8, 20, 50])
@pytest.mark.parametrize("size", [1, 4, 8, 13, 64])
def test_an_epoch_visits_every_clip_once_in_equally_many_batches_and_its_own_order(takes, size):
    clips = [a_clip(str(number), pair_id=f"take-{number % takes}") for number in range(50)]
    sampler = PairBatchSampler(clips, size, seed=3)
    epochs = []
    for epoch in range(5):
        sampler.set_epoch(epoch)
        batches = list(sampler)
        assert len(batches) == len(sampler) == -(-50 // size)
        assert all(batches)
        assert {number for batch in batches for number, _ in batch} == {epoch}
        epochs.append([index for batch in batches for _, index in batch])
        assert sorted(epochs[-1]) == list(range(50))
    assert takes == 1 or epochs[0] != epochs[1]
    sampler.set_epoch(0)
    assert [index for batch in sampler for _, index in batch] == epochs[0]


def test_what_was_made_of_one_clip_stays_in_one_batch_unless_it_fills_more():
    threes = [a_clip(str(number), pair_id=f"take-{number % 16}") for number in range(48)]
    for batch in PairBatchSampler(threes, 8, seed=3):
        assert {index % 16 for _, index in batch} == {i % 16 for _, i in batch if i < 16}
        assert len(batch) % 3 == 0
        assert len(batch) <= 8 + 2
    one_take = [a_clip(str(number), pair_id="take") for number in range(30)]
    sizes = [len(batch) for batch in PairBatchSampler(one_take, 8, seed=3)]
    assert len(sizes) == 4
    assert max(sizes) <= 8 + 7


def test_unpaired_a_pair_meets_by_chance_alone():
    clips = [a_clip(str(number), pair_id=f"take-{number // 2}") for number in range(80)]

    def together(paired):
        batches = PairBatchSampler(clips, 8, seed=3, paired=paired)
        return sum(index ^ 1 in {i for _, i in batch} for batch in batches for _, index in batch)

    assert together(paired=True) == 80
    assert together(paired=False) < 20


def test_a_genuine_clip_and_its_fake_show_the_same_moment_in_the_same_light():
    clips = [a_clip("a", pair_id="take"), a_clip("b", pair_id="take"), a_clip("c")]
    data = training_clips(clips)
    for epoch in range(5):
        genuine, fake, stranger = (data[epoch, index].samples[0] for index in range(3))
        assert np.array_equal(genuine.faces, fake.faces)
        assert np.array_equal(genuine.waveform, fake.waveform)
        assert not np.array_equal(genuine.faces, stranger.faces)


@pytest.mark.parametrize(
    ("most", "first", "count"), [(0, 0, 20), (6, 7, 6), (20, 0, 20), (99, 0, 20)]
)
def test_whole_clips_may_be_cut_to_the_frames_in_their_middle_with_all_of_their_sound(
    most, first, count
):
    (sample,) = EvaluationClips([a_clip("a")], load, most)[0].samples
    assert sample.faces[:, 0, 0, 0].tolist() == [10 * (first + i) for i in range(count)]
    assert len(sample.flow) == len(sample.landmarks) == len(sample.pose_deg) == count
    assert len(sample.waveform) == 4 * RATE_HZ


def test_a_stretched_sample_begins_with_its_frames_and_lasts_as_long_as_the_others():
    plain, settings = AugmentationSettings(), AugmentationSettings(stretch=1.0)
    training = TrainingSettings(frames=4, audio_s=0.5)
    kinds = [TrainingSet([a_clip("a")], load, training, kind, 7) for kind in (plain, settings)]
    for epoch in range(5):
        before, after = (data[epoch, 0].samples[0] for data in kinds)
        assert np.array_equal(before.faces, after.faces)
        assert abs(len(after.waveform) - RATE_HZ // 2) <= 1
        assert len(after.is_speech) == len(after.waveform)


@pytest.mark.parametrize(("total", "wanted"), [(20, 8), (8, 8), (3, 8), (0, 8), (1, 1)])
def test_a_burst_is_consecutive_and_reaches_both_ends(total, wanted):
    rng = np.random.default_rng(0)
    runs = [random_frame_range(total, wanted, rng) for _ in range(300)]
    assert {len(run) for run in runs} == {min(total, wanted)}
    assert {run.start for run in runs} == set(range(max(total - wanted, 0) + 1))


@pytest.mark.parametrize(
    ("seen_s", "heard_s", "video", "audio"),
    [
        ((1.0, 1.2), (1.0, 2.0), True, False),  # sees the forged second, hears before the other
        ((3.0, 3.2), (3.0, 4.0), False, True),
        ((2.2, 2.4), (2.2, 3.0), False, False),  # between the two, and only touching the second
        ((0.8, 2.0), (0.0, 4.0), True, True),
        ((), (2.5, 3.1), False, True),  # nobody is seen
    ],
)
def test_a_moment_of_a_partly_forged_clip_is_fake_where_the_forgery_is(
    seen_s, heard_s, video, audio
):
    periods = (FakeSpan(1.0, 2.0, "video"), FakeSpan(3.0, 3.5, "audio"))
    clip = a_clip("partly", fake_audio=True, fake_periods=periods)
    found = label_for_excerpt(clip, np.array(seen_s), heard_s)
    assert (found.fake_video, found.fake_audio, found.is_fake) == (video, audio, video or audio)


def test_a_modality_without_listed_stretches_is_forged_throughout():
    clip = a_clip("voice", fake_audio=True, fake_periods=(FakeSpan(1.0, 2.0, "audio"),))
    found = label_for_excerpt(clip, np.array([3.0]), (3.0, 4.0))
    assert (found.fake_video, found.fake_audio) == (True, False)


def test_a_training_sample_carries_the_labels_of_its_own_moment():
    clip = a_clip("partly", fake_periods=(FakeSpan(0.0, 0.9, "video"),))
    training = TrainingSettings(frames=4, audio_s=1.0)
    plain = AugmentationSettings(mirror=0.0, light=0.0)
    examples = TrainingSet([clip], load, training, plain, seed=1)
    labels = {}
    for epoch in range(30):
        example = examples[epoch, 0]
        first_s = float(example.samples[0].faces[0, 0, 0, 0]) / 10 / 5  # grey tells the frame
        labels[round(first_s, 1)] = example.clip.is_fake
    assert {True, False} == set(labels.values())
    assert all(is_fake == (first_s <= 0.9) for first_s, is_fake in labels.items())
