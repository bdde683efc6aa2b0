"""Every case of who speaks, on clips made by the demo generator."""

from dataclasses import replace

import numpy as np
import pytest

from unmask.config import LipSettings
from unmask.data.demo.animation import FPS, sample_motion
from unmask.data.demo.recording import add_sensor_noise, record, render_motion, sample_identity
from unmask.models.active_speaker import PersonActivity, SpeakerActivity
from unmask.models.aggregation import LipSyncScores, PersonScores, ScoreAggregator
from unmask.models.bundle import load_bundle
from unmask.models.evidence_lines import TimedScores
from unmask.models.lipsync.network import SyncNet
from unmask.models.lipsync.scoring import SyncScore
from unmask.models.window_scores import clip_scores, score_windows
from unmask.preprocessing.clip_windows import with_model_inputs
from unmask.preprocessing.media.encode import encode_clip
from unmask.preprocessing.prepare import iter_windows
from unmask.serving.report.speaking import PERSON_TEXTS, SITUATION_TEXTS
from unmask.serving.speaking_summary import is_dubbed, summarise_speaking

SECONDS = 4.0
# chords, which are no speech: a C major triad with a slow tremolo
CHORD_HZ = (261.6, 329.6, 392.0)


def side_by_side(left, right):
    return [np.hstack(pair) for pair in zip(left, right, strict=True)]


def play_music():
    time_s = np.arange(round(SECONDS * 16_000)) / 16_000
    chord = sum(np.sin(2 * np.pi * hz * time_s) for hz in CHORD_HZ)
    return (0.1 * chord * (0.7 + 0.3 * np.sin(np.pi * time_s))).astype(np.float32)


def make_cases():
    """Return frames and sound of each case."""
    ann = record(
        sample_identity("ann", np.random.default_rng(1)), SECONDS, np.random.default_rng(2)
    )
    identity = sample_identity("bob", np.random.default_rng(3))
    bob = record(identity, SECONDS, np.random.default_rng(4))
    closed = sample_motion(np.zeros(round(SECONDS * FPS)), np.random.default_rng(5))
    listener = render_motion(identity, closed, ann.samples)
    half, samples = len(ann.frames) // 2, len(ann.samples) // 2
    stops = ann.frames[:half] + ann.frames[half : half + 1] * (len(ann.frames) - half)
    two_voices = np.concatenate([ann.samples[:samples], bob.samples[samples:]])
    return {
        "speaker": (ann.frames, ann.samples),
        "speaker and listener": (side_by_side(ann.frames, listener.frames), ann.samples),
        "two who move their lips": (side_by_side(bob.frames, ann.frames), ann.samples),
        "listener": (listener.frames, ann.samples),
        "photograph": (ann.frames[:1] * len(ann.frames), bob.samples),
        "second voice": (stops, two_voices),
        "music": (ann.frames, play_music()),
    }


@pytest.fixture(scope="module")
def bundle(bundle_folder):
    """A tiny detector with an untrained lip-sync network, which asks who speaks."""
    loaded = load_bundle(bundle_folder)
    preprocessing = loaded.preprocessing.replace(lips=LipSettings(enabled=True))
    return replace(loaded, sync=SyncNet(dim=16).eval(), preprocessing=preprocessing)


@pytest.fixture(scope="module")
def windows(bundle, tmp_path_factory):
    """The features of each case, as serving prepares them."""
    folder, prepared = tmp_path_factory.mktemp("cases"), {}
    for name, (frames, samples) in make_cases().items():
        path = folder / f"{name}.mp4"
        encode_clip(path, add_sensor_noise(frames, np.random.default_rng(9)), samples)
        prepared[name] = list(iter_windows(path, bundle.preprocessing))
    return prepared


@pytest.fixture
def score(bundle, windows):
    def score(name, *, asks=True):
        lips = bundle.preprocessing.lips.replace(active_speaker=asks)
        asked = replace(bundle, preprocessing=bundle.preprocessing.replace(lips=lips))
        return score_windows(asked, with_model_inputs(windows[name]))

    return score


@pytest.mark.parametrize(
    ("name", "situations", "people"),
    [
        ("speaker", set(), ["speaks"]),
        ("speaker and listener", set(), ["speaks", "listens"]),
        ("two who move their lips", set(), ["moves_lips", "speaks"]),
        ("listener", {"voice_over"}, ["listens"]),
        ("photograph", {"voice_over"}, ["listens"]),
        ("second voice", {"unseen_speaker"}, ["speaks"]),
        ("music", {"nobody_speaks", "other_sound"}, ["moves_lips_unheard"]),
    ],
)
def test_each_case_has_words_of_its_own(score, windows, name, situations, people):
    speaking = summarise_speaking(score(name), has_lip_sync=False)  # the network is untrained
    assert {situation.code for situation in speaking.situations} == situations
    (window,) = windows[name]
    order = sorted(window.people, key=lambda person: person.track.boxes_px[0, 0])  # left to right
    by_number = {person.person: person.code for person in speaking.people}
    assert [by_number[person.track.person] for person in order] == people


def test_only_the_one_who_speaks_has_a_lip_sync_score(score):
    before, after = (score("speaker and listener", asks=asks) for asks in (False, True))
    people = summarise_speaking(after, has_lip_sync=True).people
    reasons = {p.person: p.no_lip_sync and p.no_lip_sync.code for p in people}
    assert sorted(reasons.values(), key=str) == [None, "lips_are_still"]
    for number, reason in reasons.items():
        assert before.people[number].sync.probability.value is not None
        assert (after.people[number].sync.probability.value is None) == (reason is not None)


@pytest.mark.parametrize("name", ["listener", "photograph"])
def test_a_voice_over_is_a_candidate_by_itself(score, name):
    before, after = (score(name, asks=asks) for asks in (False, True))
    assert [track.has_face for track in before.candidates()] == [True]
    assert [track.has_face for track in after.candidates()] == [True, False]
    assert clip_scores(after)[-1].audio_probability == pytest.approx(
        before.sound.modality_probability, abs=0.05
    )


def test_a_forged_voice_over_decides_the_clip(score):
    """The score of the voice alone is set to that of a sure fake."""
    aggregator = score("listener")
    (person, voice) = aggregator.candidates()
    voice.members.total = np.full_like(person.members.value, 9.0) * voice.members.weight
    assert aggregator.decisive_track() is voice
    assert aggregator.log_odds() > person.logit(aggregator.calibration)
    assert aggregator.log_odds() > 4.0


def test_the_second_voice_alone_is_judged_by_itself(score, windows):
    (window,) = windows["second voice"]
    times_s = score("second voice").unseen.times_s
    assert min(times_s) > SECONDS / 2 - 0.5
    assert score("speaker").unseen.times_s == []
    assert score("music").unseen.times_s == []
    assert max(times_s) < window.end_s


def test_reasons_of_missing_lip_sync_differ(score):
    cases = {"listener": "lips_are_still", "music": "no_speech_heard"}
    for name, code in cases.items():
        (person,) = summarise_speaking(score(name), has_lip_sync=True).people
        assert person.no_lip_sync.code == code
        (person,) = summarise_speaking(score(name), has_lip_sync=False).people
        assert person.no_lip_sync.code == "not_trained"


def test_spans_cover_what_each_person_does(score):
    speaking = summarise_speaking(score("second voice"), has_lip_sync=True)
    spans = {code: [s for s in speaking.spans if s.code == code] for code in PERSON_TEXTS}
    assert spans["speaks"][0].start_s < 0.7
    assert spans["speaks"][-1].end_s < SECONDS / 2 + 0.7
    (unseen,) = (s for s in speaking.spans if s.code == "unseen_voice")
    assert unseen.person is None
    assert unseen.end_s > SECONDS - 0.5


def test_words_are_told_apart():
    for texts in (PERSON_TEXTS, SITUATION_TEXTS):
        assert len(set(texts.values())) == len(texts)


def make_sync(probability, confidence, moments):
    sync = LipSyncScores()
    values = np.array(moments)
    score = SyncScore(probability, 200.0, confidence, np.arange(len(values)), values, values)
    sync.add(score, TimedScores(np.arange(len(values)) / 5, values))
    return sync


@pytest.mark.parametrize(
    ("probability", "confidence", "moments", "expected"),
    [
        (0.9, 0.1, [0.9, 0.8, 0.9], True),
        (0.9, 0.9, [0.9, 0.8, 0.9], False),  # fits at another offset: out of sync, not dubbed
        (0.9, 0.1, [0.9, 0.1, 0.2], False),  # in sync for the most part
        (0.1, 0.1, [0.1, 0.2, 0.1], False),
    ],
)
def test_dubbed_is_what_fits_at_no_offset_throughout(probability, confidence, moments, expected):
    assert is_dubbed(make_sync(probability, confidence, moments)) is expected
    everywhere, nowhere = np.ones(10, bool), np.zeros(10, bool)
    activity = PersonActivity(0, everywhere, everywhere, everywhere, everywhere)
    aggregator = ScoreAggregator(
        people={0: PersonScores(sync=make_sync(probability, confidence, moments))}
    )
    aggregator.speakers.append(SpeakerActivity(0.0, everywhere, nowhere, (activity,)))
    (person,) = summarise_speaking(aggregator, has_lip_sync=True).people
    assert person.code == ("dubbed" if expected else "speaks")
    (person,) = summarise_speaking(aggregator, has_lip_sync=False).people
    assert person.code == "speaks"  # a score is needed to say more


def test_nothing_is_said_without_windows():
    assert summarise_speaking(ScoreAggregator(), has_lip_sync=True) is None
