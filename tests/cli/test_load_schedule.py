"""Options of a load test."""

import pytest

from unmask.cli.load_schedule import SUBMISSIONS, Pace, Schedule, parse_duration_s, parse_rate_hz
from unmask.errors import ConfigError


def test_a_duration_at_a_rate_is_a_number_of_submissions():
    assert Schedule(rate="6/min", duration="2h").plan() == (720, Pace(10.0, 30.0))


def test_without_a_rate_clients_never_wait():
    assert Schedule().plan() == (SUBMISSIONS, Pace(0.0, 2.0))


def test_a_rate_paces_a_number_of_submissions(tmp_path):
    schedule = Schedule(submissions=3, rate="2/s", memory_csv=tmp_path)
    assert schedule.plan() == (3, Pace(0.5, 2.0, tmp_path))


@pytest.mark.parametrize(
    ("schedule", "message"),
    [
        (Schedule(duration="2h"), "--duration needs --rate"),
        (Schedule(submissions=3, rate="2/s", duration="2h"), "exclude each other"),
        (Schedule(rate="6"), "is no rate"),
        (Schedule(rate="0/min"), "is no rate"),
        (Schedule(rate="1/s", duration="2"), "is no duration"),
        (Schedule(rate="1/s", duration="0s"), "is no duration"),
        (Schedule(rate="1/s", duration="31d"), "is no duration"),
    ],
)
def test_what_cannot_be_planned_is_refused(schedule, message):
    with pytest.raises(ConfigError, match=message):
        schedule.plan()


@pytest.mark.parametrize(("text", "duration_s"), [("90s", 90), ("30min", 1800), ("1d", 86_400)])
def test_durations_have_units(text, duration_s):
    assert parse_duration_s(text) == duration_s


@pytest.mark.parametrize(("text", "rate_hz"), [("2/s", 2), ("30/min", 0.5), ("1800/h", 0.5)])
def test_rates_have_units(text, rate_hz):
    assert parse_rate_hz(text) == rate_hz
