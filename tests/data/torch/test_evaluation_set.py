import numpy as np
import pytest

from tests.factories import make_clip
from unmask.config import PreprocessingSettings, SpeechSettings
from unmask.data.torch.evaluation_set import EvaluationClips, make_feature_loader, slice_frames
from unmask.preprocessing.cache import Cache
from unmask.preprocessing.stages import CachedStages
from unmask.records import RATE_HZ


@pytest.mark.parametrize(
    ("max_frames", "first", "count"), [(0, 0, 20), (6, 7, 6), (20, 0, 20), (99, 0, 20)]
)
def test_max_frames_takes_the_middle_of_the_clip_and_all_of_its_sound(
    load, max_frames, first, count
):
    (sample,) = EvaluationClips([make_clip()], load, max_frames)[0].samples
    assert sample.faces[:, 0, 0, 0].tolist() == [10 * (first + i) for i in range(count)]
    assert len(sample.flow) == len(sample.landmarks) == len(sample.pose_deg) == count
    assert len(sample.waveform) == 4 * RATE_HZ


def test_precomputed_vectors_are_sliced_like_the_frames(load):
    clip = make_clip()
    vectors = {clip.sha256: np.arange(20, dtype=np.float32)[:, None]}
    example = EvaluationClips([clip], load, 6, vectors)[0]
    assert (example.vectors[:, 0] * 10).tolist() == example.samples[0].faces[:, 0, 0, 0].tolist()


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("broken", "broken.mp4: cannot be decoded"),
        ("faceless-mute", "neither a face nor sound in the clip"),
    ],
)
def test_unusable_clip_is_returned_with_its_problem(load, name, problem):
    clip = make_clip(clip_id=name)
    example = EvaluationClips([clip], load)[0]
    assert (example.clip, example.samples, example.problem) == (clip, (), problem)


def test_slice_frames_keeps_absent_modalities_absent(load):
    (sample,) = EvaluationClips([make_clip(clip_id="faceless")], load)[0].samples
    sliced = slice_frames(sample, slice(2, 5))
    assert len(sliced.faces) == 0
    assert sliced.flow is sliced.landmarks is sliced.pose_deg is None
    assert np.array_equal(sliced.waveform, sample.waveform)


def test_feature_loader_with_a_cache_reads_a_clip_only_once(make_video, tmp_path):
    clip = make_clip(path=make_video(tmp_path / "a.mp4", seconds=0.4, face=False))
    settings = PreprocessingSettings()
    load = make_feature_loader(settings, Cache(tmp_path / "cache"))
    features = load(clip)
    clip.path.unlink()
    assert load(clip) is features
    uncached = make_feature_loader(settings, None)
    make_video(clip.path, seconds=0.4, face=False)
    assert np.array_equal(uncached(clip).waveform.samples, features.waveform.samples)
    assert uncached(clip) is not uncached(clip)


def test_bug_that_a_clip_triggers_is_its_problem(caplog):
    clip = make_clip(clip_id="odd")
    example = EvaluationClips([clip], lambda _: 1 / 0)[0]
    assert example.samples == ()
    assert example.problem == (
        "/nowhere/odd.mp4: ZeroDivisionError: division by zero; please report this file"
    )
    assert "clip odd" in caplog.text


@pytest.mark.slow
def test_features_that_the_cache_lacks_are_computed_in_worker_processes(make_video, tmp_path):
    settings = PreprocessingSettings(speech=SpeechSettings(method="energy"))
    path, cache = make_video(tmp_path / "a.mp4", seconds=0.4), Cache(tmp_path / "cache")
    damaged = make_clip(clip_id="damaged", path=tmp_path / "b.mp4")
    damaged.path.write_bytes(b"not a video")
    clips = [make_clip(path=path), damaged]
    load = make_feature_loader(settings, cache, clips)
    assert CachedStages(path, settings, cache).missing() == ()
    first, second = EvaluationClips(clips, load)
    assert first.samples
    assert "b.mp4" in second.problem
