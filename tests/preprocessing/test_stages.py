"""Cached preprocessing stages of one file."""

import numpy as np
import pytest

from tests.sound_files import Part, clicks, write_sound
from unmask.config import (
    AlignSettings,
    FaceSettings,
    FlowSettings,
    LipSettings,
    PreprocessingSettings,
    SamplingSettings,
    SourceFaceSettings,
    SpeechSettings,
    to_dict,
)
from unmask.preprocessing import stages as stages_module
from unmask.preprocessing.cache import Cache, cache_key
from unmask.preprocessing.media.container import decoder_version, media_sha256
from unmask.preprocessing.stages import VERSIONS, CachedStages

LIPS = LipSettings(enabled=True)
SOURCE = SourceFaceSettings(enabled=True)


def make_settings(**changes):
    return PreprocessingSettings(**{"speech": SpeechSettings(method="energy"), **changes})


def run_all(stages):
    for stage in (stages.info, stages.people, stages.identity, stages.flow, stages.mouth_crops):
        stage()
    stages.speech()
    stages.source_faces()
    return stages


def recomputed(stages):
    return {stage for stage, cached in stages.cached.items() if not cached}


def read_all(root):
    return {path.relative_to(root): path.read_bytes() for path in root.rglob("*.safetensors")}


@pytest.fixture
def video(make_video, tmp_path):
    return make_video(tmp_path / "a.mp4")


@pytest.fixture
def cache(tmp_path):
    return Cache(tmp_path / "cache")


@pytest.fixture
def opened(monkeypatch):
    """Paths of all files that were opened for decoding."""
    av, paths = pytest.importorskip("av"), []
    open_file = av.open

    def counted(path, *arguments, **options):
        paths.append(path)
        return open_file(path, *arguments, **options)

    monkeypatch.setattr(av, "open", counted)
    return paths


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"sampling": SamplingSettings(rate_hz=4.0)}, {"faces", "identity", "flow"}),
        ({"faces": FaceSettings(max_people=1)}, {"faces", "identity", "flow"}),
        ({"align": AlignSettings(method="box")}, {"faces", "identity", "flow"}),
        ({"speech": SpeechSettings(method="energy", threshold=0.4)}, {"speech"}),
        ({"flow": FlowSettings(enabled=False)}, set()),
        ({"lips": LIPS}, {"lips"}),
        ({"source_faces": SOURCE}, {"source"}),
        ({}, set()),
    ],
)
def test_changed_setting_recomputes_its_stage_and_those_that_depend_on_it(
    video, cache, changed, expected
):
    run_all(CachedStages(video, make_settings(), cache))
    assert recomputed(run_all(CachedStages(video, make_settings(**changed), cache))) == expected


def one_person(face):
    return np.ones(1, np.float32)


@pytest.fixture
def cut_video(write_frames, astronaut, tmp_path):
    """Two shots of one person; in the second, the picture is mirrored."""
    return write_frames(tmp_path / "cut.mkv", [astronaut] * 11 + [astronaut[:, ::-1].copy()] * 10)


def embed_with(monkeypatch, embedder):
    monkeypatch.setattr(stages_module, "find_embedder", lambda: embedder)
    monkeypatch.setattr(stages_module, "has_embedder", lambda: embedder is not None)


def test_people_that_were_not_compared_are_compared_once_the_network_is_there(
    cut_video, cache, monkeypatch
):
    settings = make_settings(source_faces=SOURCE)
    embed_with(monkeypatch, None)
    before = run_all(CachedStages(cut_video, settings, cache))
    assert before.identity() == stages_module.Identity((0, 1), False)
    assert sorted(len(source.ends) for source in before.source_faces()) == [2, 3]  # by track
    assert CachedStages(cut_video, settings, cache).missing() == ()
    embed_with(monkeypatch, one_person)
    assert CachedStages(cut_video, settings, cache).missing() == ("identity", "source")
    after = run_all(CachedStages(cut_video, settings, cache))
    assert recomputed(after) == {"identity", "source"}
    assert after.identity() == stages_module.Identity((0, 0), True)
    assert [len(source.ends) for source in after.source_faces()] == [5]
    embed_with(monkeypatch, None)  # as on a machine that only trains
    assert CachedStages(cut_video, settings, cache).identity().people == (0, 0)
    assert CachedStages(cut_video, settings, cache).missing() == ()


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"lips": LipSettings(enabled=True, rate_hz=12.5, crop_px=48)}, {"lips"}),
        ({"lips": LipSettings(enabled=True, rate_hz=25.0, crop_px=32)}, {"lips"}),
        ({"faces": FaceSettings(max_people=1)}, {"faces", "identity", "flow", "lips"}),
        ({"lips": LipSettings(enabled=False, rate_hz=12.5, crop_px=32)}, set()),
        ({}, set()),
    ],
)
def test_changed_crop_settings_recompute_the_crops_alone(video, cache, changed, expected):
    run_all(CachedStages(video, make_settings(lips=LIPS), cache))
    settings = make_settings(**{"lips": LIPS, **changed})
    stages = run_all(CachedStages(video, settings, cache))
    assert recomputed(stages) == expected
    if settings.lips.enabled:
        crops = stages.mouth_crops()[0]
        assert crops.mouths.shape[1:] == (settings.lips.crop_px, settings.lips.crop_px)
        assert np.diff(crops.time_s) == pytest.approx(1 / settings.lips.rate_hz)


def test_faces_and_mouths_are_decoded_in_one_pass(video, cache, opened):
    stages = CachedStages(video, make_settings(lips=LIPS), cache)
    stages.info()
    opened.clear()
    stages.people()
    assert opened == [str(video)]
    assert stages.mouth_crops()[0].mouths.shape == (21, 48, 48)
    assert opened == [str(video)]


def test_later_run_finds_the_mouths_without_decoding(video, cache, opened):
    """As training does: one step aligns the faces, another one caches the mouth crops."""
    settings = make_settings(lips=LIPS)
    CachedStages(video, settings, cache).people()
    opened.clear()
    stages = CachedStages(video, settings, cache)
    assert len(stages.mouth_crops()[0].mouths) == 21
    assert stages.cached == {"lips": True}
    assert opened == []


def test_mouths_of_the_first_pass_equal_those_of_a_second_one(
    write_frames, two_people, tmp_path, opened
):
    path = write_frames(tmp_path / "a.mkv", [two_people] * 11)
    together, apart = Cache(tmp_path / "together"), Cache(tmp_path / "apart")
    CachedStages(path, make_settings(lips=LIPS), together).people()
    CachedStages(path, make_settings(), apart).people()
    opened.clear()
    crops = CachedStages(path, make_settings(lips=LIPS), apart).mouth_crops()
    assert len(opened) == 1
    assert sorted(crops) == [0, 1]
    assert read_all(together.root) == read_all(apart.root)


def test_disabled_stages_are_none_and_not_stored(video, cache):
    stages = CachedStages(video, make_settings(flow=FlowSettings(enabled=False)), cache)
    stages.people()
    assert stages.flow() is None
    assert stages.mouth_crops() is None
    assert {path.parts[0] for path in read_all(cache.root)} == {"media", "faces"}


def test_entries_from_before_the_alignment_method_was_a_setting_are_found(video, cache):
    settings = make_settings()
    CachedStages(video, settings, cache).people()
    own = {name: to_dict(getattr(settings, name)) for name in ("sampling", "faces")}
    own |= {"version": VERSIONS["faces"], "av": decoder_version(), "align": {"crop_px": 224}}
    assert cache.path("faces", cache_key("faces", media_sha256(video), own)).is_file()


def test_entries_of_another_decoder_are_computed_again(video, cache, monkeypatch):
    settings = make_settings(lips=LIPS, source_faces=SOURCE)
    run_all(CachedStages(video, settings, cache))
    again = run_all(CachedStages(video, settings, cache))
    assert recomputed(again) == set()
    monkeypatch.setattr(stages_module, "decoder_version", lambda: "16.1")
    other = run_all(CachedStages(video, settings, cache))
    assert recomputed(other) == set(VERSIONS)


def test_new_version_of_a_stage_ignores_older_entries(video, cache, monkeypatch):
    CachedStages(video, make_settings(), cache).speech()
    monkeypatch.setitem(stages_module.VERSIONS, "speech", 99)
    stages = CachedStages(video, make_settings(), cache)
    stages.speech()
    assert recomputed(stages) == {"speech"}


def test_holes_of_the_sound_come_back_from_the_cache(cache, tmp_path):
    parts = [Part(0.0, clicks([0.1], 0.5)), Part(1.2, clicks([0.1], 0.5))]
    path = write_sound(tmp_path / "a.mkv", parts, "pcm_s16le")
    computed = CachedStages(path, make_settings(), cache).speech()
    stages = CachedStages(path, make_settings(), cache)
    stored = stages.speech()
    assert stages.cached == {"speech": True}
    assert np.array_equal(stored.waveform.samples, computed.waveform.samples)
    assert stored.waveform.missing_spans_s.tolist() == [[0.5, 1.2]]


def test_copy_of_a_file_is_cached_and_a_changed_file_is_not(make_video, video, cache, tmp_path):
    CachedStages(video, make_settings(), cache).info()
    copy = tmp_path / "b.mp4"
    copy.write_bytes(video.read_bytes())
    stages = CachedStages(copy, make_settings(), cache)
    assert stages.info().path == copy
    assert stages.cached == {"media": True}
    changed = CachedStages(make_video(video, size=(160, 120)), make_settings(), cache)
    assert changed.info().width == 160
    assert changed.cached == {"media": False}


def test_without_a_cache_each_stage_is_computed_once(video, opened):
    stages = run_all(CachedStages(video, make_settings(lips=LIPS)))
    assert recomputed(stages) == {"media", "faces", "identity", "flow", "lips", "speech"}
    opened.clear()
    run_all(stages)
    assert opened == []
