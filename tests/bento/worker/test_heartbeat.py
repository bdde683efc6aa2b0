"""Heartbeats of a lease."""

import threading
from types import SimpleNamespace

from sqlalchemy.exc import OperationalError

from bento.worker.heartbeat import Heartbeat
from tests.factories import wait_until


class RecordingLeases:
    """Notes heartbeats and renewals instead of writing them to a database."""

    lease_s = 0.05

    def __init__(self, error=None):
        self.heartbeats, self.renewals, self.error = [], 0, error

    def heartbeat(self, lease, stage, percent):
        self.heartbeats.append((stage, percent))
        if self.error:
            raise self.error
        return len(self.heartbeats) < 2

    def renew(self, lease):
        self.renewals += 1
        if self.error:
            raise self.error
        return True


def test_frequent_progress_is_recorded_once_per_interval():
    leases = RecordingLeases()
    leases.lease_s = 3600.0
    heartbeat = Heartbeat(leases, SimpleNamespace(), threading.Event())
    assert all(heartbeat.on_progress("faces", percent) for percent in range(100))
    assert leases.heartbeats == [("faces", 0)]


def test_work_ends_when_the_lease_is_lost_or_the_worker_stops():
    leases, stopping = RecordingLeases(), threading.Event()
    leases.lease_s = 0.0
    heartbeat = Heartbeat(leases, SimpleNamespace(), stopping)
    assert heartbeat.on_progress("faces", 1.0)
    assert not heartbeat.on_progress("faces", 2.0)
    stopping.set()
    assert not heartbeat.on_progress("faces", 3.0)
    assert len(leases.heartbeats) == 2


def test_work_goes_on_while_the_database_is_unavailable(caplog):
    leases = RecordingLeases(error=OperationalError("", {}, Exception()))
    heartbeat = Heartbeat(leases, SimpleNamespace(), threading.Event())
    assert heartbeat.on_progress("faces", 1.0)
    with heartbeat.keep_alive():
        wait_until(lambda: leases.renewals >= 2)
    assert "the database is unavailable" in caplog.text
