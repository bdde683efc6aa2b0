"""Time stamps that damage has changed: a few packets leave the clock, which then runs on."""

import numpy as np
from numpy.typing import NDArray

from unmask.preprocessing.media.packet_table import PacketTable

BACK_S = 0.1  # a decoding time this far behind the one before it is a step of the clock
RETURN_S = 0.1  # the clock runs on if it comes back to where it would be within this
MAX_DAMAGED = 32  # packets; more that leave the clock are a part with a clock of their own
MAX_APART_S = 10.0  # between decoding and presentation
MAX_REORDERING = 17  # packets between two that are shown one after another


def damage_s(table: PacketTable) -> NDArray[np.float64]:
    """Return what to add to the presentation times, 0 but for damaged ones, shape ``(packets,)``.

    A packet with a damaged time stamp is taken to be decoded at the typical pace after the packet
    before it. One whose presentation alone is far from its decoding is presented as long after it
    as most packets are.
    """
    steps_s = np.diff(table.decoded_s)
    if not table.has_times or not (steps_s > 0).any():
        return np.zeros(len(table.shown_s))
    pace_s = float(np.median(steps_s[steps_s > 0]))  # the stated rate counts the damage as well
    decoded_s, is_damaged = _repair(table.decoded_s, pace_s)
    expected_s = decoded_s + np.median(table.shown_s - table.decoded_s)
    reordering_s = MAX_REORDERING * pace_s
    limit_s = np.where(is_damaged, RETURN_S, MAX_APART_S) + reordering_s
    repair_s = expected_s - table.shown_s
    return np.where(np.abs(repair_s) > limit_s, repair_s, 0.0)


def _repair(
    times_s: NDArray[np.float64], pace_s: float
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return the times with damaged ones replaced, and which ones these are."""
    times_s, is_damaged = times_s.copy(), np.zeros(len(times_s), dtype=bool)
    for step in np.flatnonzero(np.diff(times_s) < -BACK_S) + 1:
        if times_s[step] - times_s[step - 1] >= -BACK_S:  # repaired meanwhile
            continue
        run = _run_beside(times_s, int(step), pace_s)
        times_s[run] = times_s[run.start - 1] + pace_s * np.arange(1, run.stop - run.start + 1)
        is_damaged[run] = True
    return times_s, is_damaged


def _run_beside(times_s: NDArray[np.float64], step: int, pace_s: float) -> slice:
    """Return the shortest run before or after a step without which the clock runs on."""
    for length in range(1, MAX_DAMAGED + 1):
        for first in (step - length, step):
            after = first + length
            if first < 1 or after >= len(times_s):
                continue
            due_s = times_s[first - 1] + pace_s * (length + 1)
            if abs(times_s[after] - due_s) < RETURN_S:
                return slice(first, after)
    return slice(step, step)
