from fractions import Fraction

import numpy as np
import pytest

from unmask.errors import DataError
from unmask.evaluation.bootstrap import Resampling
from unmask.evaluation.localisation import (
    AP_IOUS,
    AR_IOUS,
    AR_PROPOSALS,
    LocalisedClip,
    average_precision_at,
    average_recall,
    flagged_per_hour,
    measure_localisation,
    segment_ious,
)
from unmask.evaluation.metrics import roc_auc


def make_clip(truths=(), proposals=(), identity="a", flagged=0, seconds=(), duration_s=10.0):
    return LocalisedClip(
        clip_id=f"{identity}-clip",
        identity=identity,
        duration_s=duration_s,
        truths_s=np.array(truths, np.float64).reshape(-1, 2),
        proposals=np.array(proposals, np.float64).reshape(-1, 3),
        flagged=flagged,
        second_scores=np.array(seconds, np.float64),
    )


def literal_iou(first, second):
    """Count the hundredths of a second that are in both segments, and in either."""
    ticks = np.arange(4000) / 100 + 0.005
    inside = [(segment[0] <= ticks) & (ticks < segment[1]) for segment in (first, second)]
    either = int((inside[0] | inside[1]).sum())
    return Fraction(int((inside[0] & inside[1]).sum()), either) if either else Fraction(0)


def literal_matches(clip, iou):
    """Return score and hit of each proposal, best first, as the protocol words it."""
    ranked = sorted(clip.proposals.tolist(), key=lambda row: (-row[2], row[0], row[1]))
    taken = set()
    for truth in clip.truths_s:
        for number, (start_s, end_s, _) in enumerate(ranked):
            if number not in taken and literal_iou((start_s, end_s), truth) > Fraction(str(iou)):
                taken.add(number)
                break
    return [(score, number in taken) for number, (_, _, score) in enumerate(ranked)]


def literal_ap(clips, iou):
    """Sum the best precision at or beyond the recall of each truth, threshold by threshold."""
    rows = [row for clip in clips for row in literal_matches(clip, iou)]
    truths = sum(len(clip.truths_s) for clip in clips)
    points = []
    for threshold in {score for score, _ in rows}:
        above = [hit for score, hit in rows if score >= threshold]
        points.append((sum(above), sum(above) / len(above)))
    total = 0.0
    for wanted in range(1, truths + 1):
        total += max((precision for hits, precision in points if hits >= wanted), default=0.0)
    return total / truths


def literal_ar(clips, count):
    recalls = []
    for iou in AR_IOUS:
        hits = truths = 0
        for clip in clips:
            ranked = sorted(clip.proposals.tolist(), key=lambda row: (-row[2], row[0], row[1]))
            for truth in clip.truths_s:
                truths += 1
                ious = [literal_iou(row[:2], truth) for row in ranked[:count]]
                hits += any(value > Fraction(str(iou)) for value in ious)
        recalls.append(hits / truths)
    return float(np.mean(recalls))


def random_clips(rng, *, tied):
    """Return clips whose borders are off the grid of the literal IoU and of its thresholds."""
    clips = []
    for number in range(5):
        starts = rng.integers(0, 30, size=(int(rng.integers(0, 4)), 1))
        truths = np.hstack([starts, starts + rng.integers(1, 8, size=starts.shape)]) * 1.0
        rows = []
        for _ in range(int(rng.integers(0, 12))):
            near = truths[rng.integers(len(truths))] if len(truths) else np.array([3.0, 6.0])
            start_s, end_s = np.sort(np.maximum(near + rng.normal(0, 0.7, 2), 0)).round(2)
            score = rng.integers(1, 4) / 4 if tied else rng.random()
            rows.append((start_s, end_s, score))
        clips.append(make_clip(truths, rows, identity=f"p{number}"))
    return clips if any(len(clip.truths_s) for clip in clips) else random_clips(rng, tied=tied)


@pytest.mark.parametrize("tied", [False, True])
@pytest.mark.parametrize("seed", range(6))
def test_ap_and_ar_agree_with_a_literal_implementation(seed, tied):
    clips = random_clips(np.random.default_rng([seed, 5]), tied=tied)
    for iou in AP_IOUS:
        assert average_precision_at(clips, iou) == pytest.approx(literal_ap(clips, iou), abs=1e-9)
    for count in (1, 3, *AR_PROPOSALS):
        assert average_recall(clips, count) == pytest.approx(literal_ar(clips, count), abs=1e-9)


def test_iou_of_disjoint_touching_nested_and_empty_segments():
    truths = np.array([[1.0, 3.0], [5.0, 5.0]])
    proposals = np.array([[4.0, 6.0], [3.0, 4.0], [1.5, 2.5], [5.0, 5.0], [1.0, 3.0]])
    expected = [[0, 0], [0, 0], [0.5, 0], [0, 0], [1, 0]]
    np.testing.assert_array_equal(segment_ious(proposals, truths), expected)


def test_no_proposals_find_nothing():
    clips = [make_clip([(1, 2)])]
    assert average_precision_at(clips, 0.5) == 0
    assert average_recall(clips, 50) == 0


def test_no_forged_segment_is_an_error():
    with pytest.raises(DataError, match="none of 1 clips has a forged segment"):
        average_precision_at([make_clip(proposals=[(0, 1, 0.9)])], 0.5)
    with pytest.raises(DataError, match="has a forged segment"):
        measure_localisation([make_clip()], Resampling(np.random.default_rng(0)))


def test_a_perfect_proposal_behind_a_false_one_of_a_genuine_clip():
    clips = [make_clip([(1, 2)], [(1, 2, 0.6)]), make_clip(proposals=[(4, 5, 0.9)], identity="b")]
    assert average_precision_at(clips, 0.95) == 0.5
    assert average_recall(clips, 5) == 1


def test_tied_proposals_share_a_point_in_any_order_of_the_clips():
    clips = [make_clip([(1, 2)], [(1, 2, 0.6)]), make_clip(proposals=[(4, 5, 0.6)], identity="b")]
    assert average_precision_at(clips, 0.5) == average_precision_at(clips[::-1], 0.5) == 0.5


def test_two_proposals_of_one_segment_are_one_hit():
    clips = [make_clip([(0, 4), (6, 9)], [(0, 4, 0.9), (0, 3.9, 0.8), (6, 9, 0.7)])]
    assert average_precision_at(clips, 0.5) == pytest.approx((1 + 2 / 3) / 2)


def test_iou_equal_to_the_threshold_is_a_miss():
    clips = [make_clip([(0, 4)], [(0, 2, 0.9)])]
    assert average_precision_at(clips, 0.5) == 0
    assert average_precision_at(clips, 0.49) == 1


def test_recall_counts_the_first_proposals_of_each_clip():
    clips = [make_clip([(0, 4)], [(8, 9, 0.9), (0, 4, 0.1)])]
    assert average_recall(clips, 1) == 0
    assert average_recall(clips, 2) == 1


def test_a_second_is_forged_with_a_tenth_of_it_or_with_a_whole_short_segment():
    clip = make_clip([(0.95, 2.05), (4.0, 4.05)], seconds=np.zeros(6))
    assert clip.forged_seconds().tolist() == [False, True, False, False, True, False]


def test_auc_of_seconds_leaves_out_seconds_without_a_score():
    clips = [
        make_clip([(1, 2)], seconds=[0.2, 0.6, np.nan], identity="a"),
        make_clip([(0, 1)], seconds=[0.4, 0.5], identity="b"),
    ]
    expected = roc_auc(np.array([0.2, 0.6, 0.4, 0.5]), np.array([False, True, True, False]))
    measured = measure_localisation(clips, Resampling(np.random.default_rng(0), 50))
    assert measured["second_auc"].value == expected


def test_flagged_segments_are_counted_in_genuine_clips_alone():
    clips = [make_clip([(1, 2)], flagged=7), make_clip(flagged=1, duration_s=1800.0)]
    assert flagged_per_hour(clips) == 2
    assert flagged_per_hour(clips[:1]) is None
    assert "flagged_per_hour" not in measure_localisation(
        clips[:1], Resampling(np.random.default_rng(0), 50)
    )


def test_intervals_are_percentiles_of_resampled_people():
    rng = np.random.default_rng(3)
    clips = [clip for _ in range(4) for clip in random_clips(rng, tied=False)]
    clips = [
        make_clip(c.truths_s, c.proposals, f"p{n % 6}", flagged=n % 2) for n, c in enumerate(clips)
    ]
    measured = measure_localisation(clips, Resampling(np.random.default_rng(1), 400, 0.9))
    draws = np.random.default_rng(2).integers(6, size=(400, 6))
    by_person = [[c for c in clips if c.identity == f"p{n}"] for n in range(6)]
    for name, metric in (
        ("ap50", lambda chosen: average_precision_at(chosen, 0.5)),
        ("ar10", lambda chosen: average_recall(chosen, 10)),
        ("flagged_per_hour", flagged_per_hour),
    ):
        values = [metric([c for n in row for c in by_person[n]]) for row in draws]
        low, high = np.quantile(values, [0.05, 0.95])
        spread = high - low
        assert measured[name].low == pytest.approx(low, abs=0.2 * spread)
        assert measured[name].high == pytest.approx(high, abs=0.2 * spread)


def test_one_person_has_no_interval():
    measured = measure_localisation(
        [make_clip([(1, 2)], [(1, 2, 0.6)])], Resampling(np.random.default_rng(0), 50)
    )
    assert (measured["ap50"].value, measured["ap50"].low) == (1, None)


@pytest.mark.parametrize(
    ("truths", "proposals", "message"),
    [([(2, 1)], [], "ends too early"), ([], [(0, np.nan, 1)], "has no end")],
)
def test_impossible_segments_are_refused(truths, proposals, message):
    with pytest.raises(DataError, match=message):
        make_clip(truths, proposals)
