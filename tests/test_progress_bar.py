"""Progress bar on standard error."""

import pytest
from rich.console import Console

from unmask import progress_bar


def test_items_are_yielded_and_nothing_is_printed_away_from_a_terminal(capsys):
    assert list(progress_bar.track(iter("abc"), "letters", 3)) == ["a", "b", "c"]
    assert capsys.readouterr() == ("", "")


def test_a_terminal_shows_the_label_on_standard_error(monkeypatch, capsys):
    def terminal(stderr):
        assert stderr
        return Console(stderr=True, force_terminal=True, width=80)

    monkeypatch.setattr(progress_bar, "Console", terminal)
    assert list(progress_bar.track([1, 2], "letters")) == [1, 2]
    out, err = capsys.readouterr()
    assert out == ""
    assert "letters" in err


def test_an_error_of_the_iterable_is_raised():
    def broken():
        yield 1
        raise ValueError("broken")

    items = progress_bar.track(broken(), "letters", 2)
    assert next(items) == 1
    with pytest.raises(ValueError, match="broken"):
        next(items)


def test_lines_away_from_a_terminal_tell_the_rate_since_the_first_item(monkeypatch, capsys):
    clock = iter([0.0, 100.0, 110.0, 120.0, 130.0])
    monkeypatch.setattr(progress_bar, "monotonic", lambda: next(clock))
    monkeypatch.setattr(progress_bar, "EVERY_S", 20.0)
    assert list(progress_bar.track("abcd", "letters")) == list("abcd")
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines() == [
        "letters: 1 of 4",
        "letters: 3 of 4 (6 a minute), about 10 s left",
    ]


def test_a_line_comes_at_most_once_a_minute(monkeypatch, capsys):
    clock = iter(range(0, 10_000, 7))
    monkeypatch.setattr(progress_bar, "monotonic", lambda: float(next(clock)))
    list(progress_bar.track(range(40), "clips"))  # 40 clips of 7 s
    assert len(capsys.readouterr().err.splitlines()) == 40 * 7 // 63


def test_without_a_total_the_line_has_the_rate_alone(monkeypatch, capsys):
    clock = iter([0.0, 30.0, 60.0, 90.0])
    monkeypatch.setattr(progress_bar, "monotonic", lambda: next(clock))
    lines = progress_bar.ProgressLines("epoch", None)
    for _ in range(3):
        lines.advance(", loss 0.5")
    assert capsys.readouterr().err == "epoch: 2 (2 a minute), loss 0.5\n"
