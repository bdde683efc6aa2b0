"""Scores of windows add up to those of the video."""

import numpy as np
import pytest

from unmask.models.aggregation import (
    LipSyncScores,
    PersonScores,
    ScoreAggregator,
    mean_per_second,
)
from unmask.models.calibration.platt import Calibration
from unmask.models.evidence_lines import TimedScores, lipsync_scores
from unmask.models.inference import SampleScore
from unmask.models.lipsync.scoring import NOT_SCORED, SyncScore
from unmask.records import ClipFeatures, FaceTrack, MediaInfo, PersonFeatures


def make_score(logit, frames, steps=(), video=0.5, audio=None, **fields):
    return SampleScore(
        logit=logit,
        probability=0.5,
        video_probability=video if len(frames) else None,
        audio_probability=audio,
        frame_probabilities=np.array(frames, float),
        step_probabilities=np.array(steps, float),
        member_logits=np.atleast_1d(np.array(logit, float)),
        **fields,
    )


def sigmoid(logits):
    return 1 / (1 + np.exp(-np.asarray(logits)))


def make_sync(probability, offset_ms, times_s):
    offsets_ms = np.full(len(times_s), np.nan if offset_ms is None else offset_ms)
    probabilities = np.full(len(times_s), 0.5)
    return SyncScore(probability, offset_ms, 0.9, np.array(times_s), probabilities, offsets_ms)


@pytest.fixture
def window(tmp_path):
    def make(start_s, **frames):
        """`frames`: how many frames each person has, as p0=3."""
        info = MediaInfo(tmp_path / "a.mp4", "0" * 64, 1, 9.0, 25.0, 320, 240, 0, "h264", "aac")
        people = tuple(
            PersonFeatures(
                FaceTrack(
                    int(name[1:]),
                    start_s + np.arange(count) / 5,
                    np.zeros((count, 4), np.float32),
                    np.zeros((count, 68, 2), np.float32),
                    np.zeros((count, 3), np.float32),
                ),
                np.zeros((count, 224, 224, 3), np.uint8),
                None,
                np.zeros((count, 68, 2), np.float32),
            )
            for name, count in frames.items()
        )
        return ClipFeatures(info, start_s, start_s + 3, 15, people, None, np.zeros((0, 2)))

    return make


@pytest.fixture
def aggregator():
    return ScoreAggregator()


def test_windows_weigh_as_many_frames_as_they_have(aggregator, window):
    aggregator.add(window(0.0, p0=15), [make_score(2.0, [0.5] * 15)])
    aggregator.add(window(3.0, p0=5), [make_score(-2.0, [0.1] * 5)])
    person = aggregator.people[0]
    assert person.logit(Calibration()) == pytest.approx(np.mean([2.0] * 15 + [-2.0] * 5))
    assert len(person.times_s) == 20
    assert person.times_s == sorted(person.times_s)
    assert person.probabilities == [0.5] * 15 + [0.1] * 5


def test_every_scored_frame_keeps_its_box(aggregator, window):
    first, second = window(0.0, p0=3), window(3.0, p0=2, p1=1)
    for features in (first, second):
        for person in features.people:
            start = person.track.time_s[:, None] * 10
            person.track.boxes_px[:] = np.add(start, [0, 1, 2, 3])
    aggregator.add(first, [make_score(0.0, [0.5] * 3)])
    aggregator.add(second, [make_score(0.0, [0.5] * 2), make_score(0.0, [0.5])])
    for person in aggregator.people.values():
        left = [box[0] for box in person.boxes_px]
        assert left == pytest.approx([10 * time_s for time_s in person.times_s], abs=1e-4)


def test_modality_is_averaged_in_log_odds(aggregator, window):
    aggregator.add(window(0.0, p0=5), [make_score(0.0, [0.5] * 5, video=0.9)])
    aggregator.add(window(3.0, p0=5), [make_score(0.0, [0.5] * 5, video=0.1)])
    assert aggregator.people[0].modality_logit.value == pytest.approx(0.0)


def test_probability_of_one_gives_finite_log_odds(aggregator, window):
    aggregator.add(window(0.0, p0=5), [make_score(0.0, [1.0] * 5, video=1.0)])
    assert np.isfinite(aggregator.people[0].modality_logit.value)


def test_most_fake_person_is_decisive(aggregator, window):
    rows = [make_score(-1.0, [0.2] * 15), make_score(3.0, [0.9] * 6)]
    aggregator.add(window(0.0, p0=15, p1=6), rows)
    assert aggregator.decisive_track() is aggregator.people[1]


def test_person_seen_briefly_is_not_decisive(aggregator, window):
    rows = [make_score(-1.0, [0.2] * 15), make_score(3.0, [0.9] * 4)]
    aggregator.add(window(0.0, p0=15, p1=4), rows)
    assert aggregator.decisive_track() is aggregator.people[0]


def test_brief_appearances_add_up_over_windows(aggregator, window):
    rows = [make_score(-1.0, [0.2] * 9), make_score(3.0, [0.9] * 3)]
    aggregator.add(window(0.0, p0=9, p1=3), rows)
    assert aggregator.decisive_track() is aggregator.people[0]
    aggregator.add(window(3.0, p0=9, p1=3), rows)
    assert aggregator.decisive_track() is aggregator.people[1]


def test_if_all_are_seen_briefly_those_seen_longest_are_decisive(aggregator, window):
    rows = [make_score(-1.0, [0.2] * 2), make_score(3.0, [0.9]), make_score(1.0, [0.9] * 2)]
    aggregator.add(window(0.0, p0=2, p1=1, p2=2), rows)
    assert aggregator.decisive_track() is aggregator.people[2]


def test_sound_is_decisive_without_a_face(aggregator, window):
    aggregator.add(window(0.0), [make_score(1.0, [], steps=[0.6] * 20, audio=0.6)])
    assert aggregator.decisive_track() is aggregator.unseen


def test_a_forged_voice_over_after_a_talking_head_moves_the_score(aggregator, window):
    genuine = make_score(-2.0, [0.1] * 15, steps=[0.1] * 150, audio=0.1)
    aggregator.add(window(0.0, p0=15), [genuine])
    before = aggregator.log_odds()
    assert before == -2.0
    for start_s in (30.0, 60.0):  # pictures without a face
        voice = make_score(3.0, [], steps=[0.9] * 150, audio=0.9)
        aggregator.add(window(start_s), [voice])
    assert aggregator.decisive_track() is aggregator.unseen
    assert aggregator.log_odds() == pytest.approx(np.log((np.exp(-2.0) + np.exp(3.0)) / 2))
    assert [track.has_face for track in aggregator.candidates()] == [True, False]


def test_a_word_off_screen_is_no_candidate_beside_a_person(aggregator, window):
    aggregator.add(window(0.0, p0=15), [make_score(-2.0, [0.1] * 15)])
    aggregator.add(window(3.0), [make_score(3.0, [], steps=[0.9] * 20, audio=0.9)])  # 0.4 s
    assert aggregator.decisive_track() is aggregator.people[0]
    assert aggregator.log_odds() == -2.0


def test_a_voice_and_a_silent_face_have_calibrations_of_their_own(window):
    calibration = Calibration(unseen=Calibration(bias=1.5), silent=Calibration(bias=-0.5))
    aggregator = ScoreAggregator(calibration)
    aggregator.add(window(0.0, p0=15), [make_score(0.0, [0.1] * 15)])
    aggregator.add(window(30.0), [make_score(0.0, [], steps=[0.9] * 150, audio=0.9)])
    assert [track.logit(calibration) for track in aggregator.candidates()] == [-0.5, 1.5]
    assert aggregator.decisive_track().calibration_in_effect(calibration).bias == 1.5


def test_silence_without_a_face_has_no_decisive_track(aggregator, window):
    aggregator.add(window(0.0), [make_score(1.0, [], steps=[np.nan] * 20)])
    aggregator.add(window(3.0), [])
    assert aggregator.decisive_track() is None
    assert aggregator.sound == PersonScores(has_face=False)


def test_sound_shared_by_several_people_counts_once(aggregator, window):
    rows = [make_score(0.0, [0.5] * 5, [0.8] * 20, audio=0.8) for _ in range(2)]
    aggregator.add(window(3.0, p0=5, p1=5), rows)
    assert np.allclose(aggregator.sound.times_s, [3.0, 3.2])
    assert np.allclose(aggregator.sound.probabilities, 0.8)


def test_members_are_averaged_over_windows_before_they_are_pooled(aggregator, window):
    aggregator.add(window(0.0, p0=15), [make_score([2.0, 0.0], [0.5] * 15)])
    aggregator.add(window(3.0, p0=5), [make_score([-2.0, 4.0], [0.1] * 5)])
    person = aggregator.people[0]
    assert np.allclose(person.members.value, [1.0, 1.0])
    assert sigmoid(person.logit(Calibration())) == pytest.approx(sigmoid(1.0))
    assert np.allclose(person.repeated_logits(Calibration()), [1.0, 1.0])  # without MC dropout


def test_mc_dropout_passes_are_averaged_over_windows(aggregator, window):
    for start_s, passes, frames in ((0.0, [1.0, 2.0, 3.0], 15), (3.0, [-3.0, 2.0, 7.0], 5)):
        row = make_score(0.0, [0.5] * frames, pass_logits=np.array(passes))
        aggregator.add(window(start_s, p0=frames), [row])
    repeated = aggregator.people[0].repeated_logits(Calibration())
    assert np.allclose(repeated, [0.0, 2.0, 4.0])


def test_lip_sync_counts_where_it_can_be_judged_and_changes_the_score(window):
    aggregator = ScoreAggregator(Calibration(sync_weight=0.25))
    rows = [
        make_score(0.0, [0.5] * 5, sync=make_sync(0.8, 120.0, [1.0, 1.2, 1.4])),
        make_score(0.0, [0.5] * 5, sync=NOT_SCORED),
        make_score(0.0, [0.5] * 5, sync=make_sync(0.4, 80.0, [0.5])),
    ]
    for number, row in enumerate(rows):
        aggregator.add(window(3.0 * number, p0=5), [row])
    person = aggregator.people[0]
    assert person.sync.probability.value == pytest.approx((3 * 0.8 + 0.4) / 4)
    assert person.sync.offset_ms == 120.0
    assert np.allclose(person.sync.series.times_s, [1.0, 1.2, 1.4, 6.5])
    assert person.sync.series_offsets_ms == [120.0, 120.0, 120.0, 80.0]
    expected = 0.75 * 0.5 + 0.25 * 0.7
    assert sigmoid(person.logit(aggregator.calibration)) == pytest.approx(expected)
    assert sigmoid(person.repeated_logits(aggregator.calibration)) == pytest.approx([expected])


def test_lip_sync_can_make_another_person_decisive(window):
    rows = [
        make_score(0.5, [0.5] * 9, sync=make_sync(0.05, 0.0, [1.0])),
        make_score(0.0, [0.5] * 9, sync=make_sync(0.95, 400.0, [1.0])),
    ]
    for weight, person in ((0.0, 0), (0.5, 1)):
        aggregator = ScoreAggregator(Calibration(sync_weight=weight))
        aggregator.add(window(0.0, p0=9, p1=9), rows)
        assert aggregator.decisive_track() is aggregator.people[person]


def test_without_lip_sync_the_calibration_of_the_detectors_applies(window):
    calibration = Calibration(2.0, sync_weight=0.5, bias=3.0, alone=Calibration(4.0, bias=-1.0))
    aggregator = ScoreAggregator(calibration)
    rows = [
        make_score(2.0, [0.5] * 9, sync=NOT_SCORED),
        make_score(1.0, [0.5] * 9, sync=make_sync(0.5, 0.0, [1])),
    ]
    aggregator.add(window(0.0, p0=9, p1=9), rows)
    unjudged, result = aggregator.people[0], aggregator.people[1]
    assert unjudged.logit(calibration) == pytest.approx(2.0 / 4.0 - 1.0)
    pooled = 0.5 * sigmoid(1.0) + 0.5 * 0.5
    assert result.logit(calibration) == pytest.approx(np.log(pooled / (1 - pooled)) / 2.0 + 3.0)
    assert aggregator.decisive_track() is result  # although its detectors' logit is lower


def test_outlier_window_does_not_change_the_offset():
    sync = LipSyncScores()
    for offset_ms, result in ((40.0, 30), (-560.0, 5), (60.0, 30), (50.0, 30)):
        score = make_sync(0.2, offset_ms, np.arange(result) / 5)
        sync.add(score, lipsync_scores(make_score(0.0, [0.5], sync=score)))
    assert sync.offset_ms == 50.0
    assert LipSyncScores().offset_ms is None


def test_mean_per_second_by_brute_force(rng):
    times_s = np.sort(rng.uniform(0, 20, 60))
    values = rng.random(60)
    seconds = mean_per_second(TimedScores(times_s, values))
    groups = {}
    for time_s, value in zip(times_s, values, strict=True):
        groups.setdefault(int(time_s), []).append(value)
    assert seconds.times_s.tolist() == sorted(groups)
    assert seconds.probabilities == pytest.approx([np.mean(groups[s]) for s in sorted(groups)])


def test_sum_of_fifths_falls_into_its_own_second():
    times_s = np.cumsum(np.full(10, 0.1))
    seconds = mean_per_second(TimedScores(times_s, np.arange(10) * 1.0))
    assert seconds.times_s.tolist() == [0.0, 1.0]
    assert seconds.probabilities.tolist() == [4.0, 9.0]


def test_no_scores_give_no_seconds():
    seconds = mean_per_second(TimedScores(np.zeros(0), np.zeros(0)))
    assert len(seconds.times_s) == len(seconds.probabilities) == 0


def test_pooled_odds_of_windows_are_those_of_all_frames(window):
    """The windows of 3 and 2 frames whose odds are 1, 4 and 7, and 9 and 9."""
    aggregator = ScoreAggregator(Calibration(), pooling="odds")
    for start_s, count, odds in ((0.0, 3, (1 + 4 + 7) / 3), (30.0, 2, 9.0)):
        score = make_score(np.log(odds), count * [0.5], video=odds / (1 + odds))
        aggregator.add(window(start_s, p0=count), [score])
    track = aggregator.decisive_track()
    expected = np.log((1 + 4 + 7 + 9 + 9) / 5)
    assert track.logit(Calibration()) == pytest.approx(expected)
    assert track.modality_logit.value == pytest.approx(expected)


@pytest.mark.parametrize(("pooling", "expected"), [("mean", -4.0), ("odds", 6 - np.log(6))])
def test_a_forged_window_moves_a_long_video_as_its_detector_pools(window, pooling, expected):
    aggregator = ScoreAggregator(Calibration(), pooling=pooling)
    for number in range(6):
        logit = 6.0 if number == 3 else -6.0
        aggregator.add(window(30.0 * number, p0=10), [make_score(logit, 10 * [0.5])])
    assert aggregator.decisive_track().logit(Calibration()) == pytest.approx(expected, abs=1e-4)


def test_the_voice_is_pooled_like_the_face(window):
    aggregator = ScoreAggregator(Calibration(), pooling="odds")
    for start_s, odds in ((0.0, 1.0), (30.0, 5.0)):
        score = make_score(np.log(odds), [], 20 * [0.5], audio=odds / (1 + odds))
        aggregator.add(window(start_s), [score])
    assert aggregator.sound.modality_logit.value == pytest.approx(np.log(3))


def test_large_log_odds_stay_finite(window):
    aggregator = ScoreAggregator(Calibration(), pooling="odds")
    for start_s, logit in ((0.0, 900.0), (30.0, -900.0)):
        aggregator.add(window(start_s, p0=5), [make_score(logit, 5 * [0.5])])
    assert aggregator.decisive_track().logit(Calibration()) == pytest.approx(900 - np.log(2))
