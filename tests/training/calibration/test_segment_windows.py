import numpy as np
import pytest

from unmask.models.calibration.segments import find_segments, intervals
from unmask.models.evidence_lines import EvidenceLine
from unmask.training.calibration.segment_windows import (
    WINDOW_S,
    threshold_per_hour,
    window_peaks,
)


def make_line(scores, kind="video", start_s=0.0):
    scores = np.array(scores, np.float64)
    return EvidenceLine(kind, 0, intervals(start_s + np.arange(len(scores)) / 5, 0.2), scores)


def sample_footage(rng, seconds):
    """Return scores that stay alike for half a second, like those of a detector."""
    noise = rng.normal(size=int(seconds * 5) + 2)
    smooth = (noise[:-2] + noise[1:-1] + noise[2:]) / 3
    return make_line(1 / (1 + np.exp(-2 * smooth)))


def count_segments(line, threshold):
    return len(list(find_segments(line.probabilities, line.intervals_s, threshold)))


def test_a_segment_counts_in_every_window_that_it_overlaps():
    scores = [0.1] * 45
    scores[12:17] = [0.8] * 5  # 2.4 to 3.4 s
    assert window_peaks([make_line(scores)], 9.0) == {"video": [0.8, 0.8, 0.1]}


def test_a_window_has_the_highest_peak_of_all_people_and_none_without_scores():
    people = [make_line([0.2] * 15), make_line([0.6] * 15), make_line([0.9] * 5, "audio", 4.0)]
    assert window_peaks(people, 6.0) == {"video": [0.6], "audio": [0.9]}


@pytest.mark.parametrize(("end_s", "windows"), [(1.0, 1), (3.0, 1), (5.9, 1), (6.0, 2), (60.0, 20)])
def test_windows_are_at_least_three_seconds_long_unless_the_clip_is_shorter(end_s, windows):
    line = make_line([0.5] * int(end_s * 5))
    assert len(window_peaks([line], end_s)["video"]) == windows


@pytest.mark.parametrize("seconds", [3, 30, 300])
def test_new_footage_is_flagged_at_most_at_the_rate_whatever_its_length(seconds):
    rng = np.random.default_rng(seconds)
    rates = []
    for _ in range(30):
        genuine = [sample_footage(rng, 3.5) for _ in range(60)]
        peaks = [peak for line in genuine for peak in window_peaks([line], 3.5)["video"]]
        people = [str(number) for number in range(len(peaks))]
        threshold, promised = threshold_per_hour(peaks, people, 60.0)
        assert promised == 60.0
        new = [sample_footage(rng, seconds) for _ in range(max(600 // seconds, 1))]
        hours = len(new) * seconds / 3600
        rates.append(sum(count_segments(line, threshold) for line in new) / hours)
    assert 25 < np.mean(rates) <= 66


def test_too_few_people_keep_the_lowest_rate_that_they_bear(rng):
    threshold, rate = threshold_per_hour([0.3, 0.7, 0.5, 0.6], "abca", 12.0)
    assert threshold == 0.7
    assert rate == pytest.approx(3600 / WINDOW_S / 4)
