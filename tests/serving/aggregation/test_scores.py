"""Scores of windows add up to those of the whole."""

import numpy as np
import pytest

from unmask.models.calibration.platt import Calibration
from unmask.models.inference import SampleScore
from unmask.models.lipsync.scoring import NOT_SCORED, SyncScore
from unmask.records import ClipFeatures, FaceTrack, MediaInfo, PersonFeatures
from unmask.serving.aggregation.scores import LipSyncScores, PersonScores, ScoreAggregator


def score(logit, frames, steps=(), video=0.5, audio=None, **more):
    return SampleScore(
        logit=logit,
        probability=0.5,
        video_probability=video if len(frames) else None,
        audio_probability=audio,
        frame_probabilities=np.array(frames, float),
        step_probabilities=np.array(steps, float),
        member_logits=np.atleast_1d(np.array(logit, float)),
        **more,
    )


def p(logits):
    return 1 / (1 + np.exp(-np.asarray(logits)))


def heard(probability, offset_ms, times_s):
    offsets_ms = np.full(len(times_s), np.nan if offset_ms is None else offset_ms)
    probabilities = np.full(len(times_s), 0.5)
    return SyncScore(probability, offset_ms, 0.9, np.array(times_s), probabilities, offsets_ms)


@pytest.fixture
def window(tmp_path):
    def make(start_s, **frames):
        """`frames`: how many each person has, as p0=3."""
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


def test_windows_weigh_as_many_frames_as_they_hold(window):
    tally = ScoreAggregator()
    tally.add(window(0.0, p0=15), [score(2.0, [0.5] * 15)])
    tally.add(window(3.0, p0=5), [score(-2.0, [0.1] * 5)])
    track = tally.people[0]
    assert track.logit(Calibration()) == pytest.approx(np.mean([2.0] * 15 + [-2.0] * 5))
    assert len(track.times_s) == 20
    assert track.times_s == sorted(track.times_s)
    assert track.probabilities == [0.5] * 15 + [0.1] * 5


def test_a_box_is_kept_for_every_frame_that_is_scored(window):
    tally, first, second = ScoreAggregator(), window(0.0, p0=3), window(3.0, p0=2, p1=1)
    for part in (first, second):
        for person in part.people:
            start = person.track.time_s[:, None] * 10
            person.track.boxes_px[:] = np.add(start, [0, 1, 2, 3])
    tally.add(first, [score(0.0, [0.5] * 3)])
    tally.add(second, [score(0.0, [0.5] * 2), score(0.0, [0.5])])
    for track in tally.people.values():
        left = [box[0] for box in track.boxes_px]
        assert left == pytest.approx([10 * time_s for time_s in track.times_s], abs=1e-4)


def test_a_modality_is_averaged_as_log_odds(window):
    tally = ScoreAggregator()
    tally.add(window(0.0, p0=5), [score(0.0, [0.5] * 5, video=0.9)])
    tally.add(window(3.0, p0=5), [score(0.0, [0.5] * 5, video=0.1)])
    assert tally.people[0].modality_logit.value == pytest.approx(0.0)


def test_certainty_does_not_become_infinite(window):
    tally = ScoreAggregator()
    tally.add(window(0.0, p0=5), [score(0.0, [1.0] * 5, video=1.0)])
    assert np.isfinite(tally.people[0].modality_logit.value)


def test_the_most_fake_person_decides(window):
    tally = ScoreAggregator()
    tally.add(window(0.0, p0=15, p1=6), [score(-1.0, [0.2] * 15), score(3.0, [0.9] * 6)])
    assert tally.decisive_track() is tally.people[1]


def test_a_glimpse_of_somebody_decides_nothing(window):
    tally = ScoreAggregator()
    tally.add(window(0.0, p0=15, p1=4), [score(-1.0, [0.2] * 15), score(3.0, [0.9] * 4)])
    assert tally.decisive_track() is tally.people[0]


def test_where_all_are_glimpses_those_seen_longest_decide(window):
    tally = ScoreAggregator()
    rows = [score(-1.0, [0.2] * 2), score(3.0, [0.9]), score(1.0, [0.9] * 2)]
    tally.add(window(0.0, p0=2, p1=1, p2=2), rows)
    assert tally.decisive_track() is tally.people[2]


def test_sound_alone_decides_where_nobody_is_seen(window):
    tally = ScoreAggregator()
    tally.add(window(0.0), [score(1.0, [], steps=[0.6] * 20, audio=0.6)])
    assert tally.decisive_track() is tally.sound


def test_silence_without_a_face_decides_nothing(window):
    tally = ScoreAggregator()
    tally.add(window(0.0), [score(1.0, [], steps=[np.nan] * 20)])
    tally.add(window(3.0), [])
    assert tally.decisive_track() is None
    assert tally.sound == PersonScores()


def test_people_share_the_sound_which_counts_once(window):
    tally = ScoreAggregator()
    rows = [score(0.0, [0.5] * 5, [0.8] * 20, audio=0.8) for _ in range(2)]
    tally.add(window(3.0, p0=5, p1=5), rows)
    assert np.allclose(tally.sound.times_s, [3.0, 3.2])
    assert np.allclose(tally.sound.probabilities, 0.8)


def test_members_are_averaged_over_windows_each_by_itself_and_then_mixed(window):
    tally = ScoreAggregator()
    tally.add(window(0.0, p0=15), [score([2.0, 0.0], [0.5] * 15)])
    tally.add(window(3.0, p0=5), [score([-2.0, 4.0], [0.1] * 5)])
    track = tally.people[0]
    assert np.allclose(track.members.value, [1.0, 1.0])
    assert p(track.logit(Calibration())) == pytest.approx(p(1.0))
    assert np.allclose(track.repeated(Calibration()), [1.0, 1.0])  # no passes: the members speak


def test_passes_are_averaged_over_windows_like_the_answer(window):
    tally = ScoreAggregator()
    for start_s, passes, frames in ((0.0, [1.0, 2.0, 3.0], 15), (3.0, [-3.0, 2.0, 7.0], 5)):
        row = score(0.0, [0.5] * frames, pass_logits=np.array(passes))
        tally.add(window(start_s, p0=frames), [row])
    assert np.allclose(tally.people[0].repeated(Calibration()), [0.0, 2.0, 4.0])


def test_lip_sync_counts_where_it_was_judged_and_moves_the_answer(window):
    tally = ScoreAggregator(Calibration(sync_weight=0.25))
    rows = [
        score(0.0, [0.5] * 5, sync=heard(0.8, 120.0, [1.0, 1.2, 1.4])),
        score(0.0, [0.5] * 5, sync=NOT_SCORED),
        score(0.0, [0.5] * 5, sync=heard(0.4, 80.0, [0.5])),
    ]
    for number, row in enumerate(rows):
        tally.add(window(3.0 * number, p0=5), [row])
    track = tally.people[0]
    assert track.sync.probability.value == pytest.approx((3 * 0.8 + 0.4) / 4)
    assert track.sync.offset_ms == 120.0
    assert np.allclose(track.sync.line.times_s, [1.0, 1.2, 1.4, 6.5])
    assert track.sync.line_ms == [120.0, 120.0, 120.0, 80.0]
    assert p(track.logit(tally.calibration)) == pytest.approx(0.75 * 0.5 + 0.25 * 0.7)
    assert p(track.repeated(tally.calibration)) == pytest.approx([0.75 * 0.5 + 0.25 * 0.7])


def test_lip_sync_may_make_another_person_the_most_fake(window):
    rows = [
        score(0.5, [0.5] * 9, sync=heard(0.05, 0.0, [1.0])),
        score(0.0, [0.5] * 9, sync=heard(0.95, 400.0, [1.0])),
    ]
    for weight, most in ((0.0, 0), (0.5, 1)):
        tally = ScoreAggregator(Calibration(sync_weight=weight))
        tally.add(window(0.0, p0=9, p1=9), rows)
        assert tally.decisive_track() is tally.people[most]


def test_without_lip_sync_the_detectors_are_read_by_a_scale_of_their_own(window):
    calibration = Calibration(2.0, sync_weight=0.5, bias=3.0, alone=Calibration(4.0, bias=-1.0))
    tally = ScoreAggregator(calibration)
    rows = [
        score(2.0, [0.5] * 9, sync=NOT_SCORED),
        score(1.0, [0.5] * 9, sync=heard(0.5, 0.0, [1])),
    ]
    tally.add(window(0.0, p0=9, p1=9), rows)
    unjudged, judged = tally.people[0], tally.people[1]
    assert unjudged.logit(calibration) == pytest.approx(2.0 / 4.0 - 1.0)
    mixture = 0.5 * p(1.0) + 0.5 * 0.5
    assert judged.logit(calibration) == pytest.approx(np.log(mixture / (1 - mixture)) / 2.0 + 3.0)
    assert tally.decisive_track() is judged  # though what its detectors say is less


def test_one_window_that_was_misheard_does_not_move_the_offset():
    sync = LipSyncScores()
    for offset_ms, judged in ((40.0, 30), (-560.0, 5), (60.0, 30), (50.0, 30)):
        sync.add(heard(0.2, offset_ms, np.arange(judged) / 5), 0.0)
    assert sync.offset_ms == 50.0
    assert LipSyncScores().offset_ms is None
