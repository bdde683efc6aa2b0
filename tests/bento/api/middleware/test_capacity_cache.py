"""Those who come together are let in on one answer, and no more than it says."""

import time

from bento.api.middleware.capacity_cache import FRESH_S, MAX_IN_FLIGHT, CapacityCache


def test_those_who_come_together_wait_for_one_answer_of_the_table():
    vacancy = CapacityCache()
    assert [vacancy.try_acquire("anna") for _ in range(MAX_IN_FLIGHT + 1)] == [
        *(False, *[True] * (MAX_IN_FLIGHT - 1)),
        False,
    ]
    assert not vacancy.try_acquire("ben")


def test_no_more_go_in_on_an_answer_than_it_said_there_is_room_for(monkeypatch):
    moment = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: moment[0])
    vacancy = CapacityCache()
    vacancy.update("anna", 3)  # one of the three is who asked
    assert [vacancy.try_acquire("anna") for _ in range(3)] == [True, True, False]
    vacancy.update("anna", 3)
    moment[0] += FRESH_S + 0.01
    assert not vacancy.try_acquire("anna")  # that was too long ago
    vacancy.update("anna", 0)
    assert not vacancy.try_acquire("anna")
