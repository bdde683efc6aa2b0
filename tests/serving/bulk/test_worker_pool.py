"""Dispatch: every source gets one row, whatever becomes of the workers."""

from collections import Counter, deque
from random import Random

import pytest

from unmask.errors import WorkerCrashError
from unmask.serving.bulk.row import Row
from unmask.serving.bulk.source import Source
from unmask.serving.bulk.worker_pool import MAX_ATTEMPTS, Dispatcher, Signal, WorkerPool


class ScriptedPool(WorkerPool):
    """Workers that do what ``script`` says for a path: "row", "die" or "hang"."""

    def __init__(self, workers, script=lambda path, attempt: "row", starts=True):
        self.workers, self.script, self.starts = workers, script, starts
        self.sent = deque()
        self.attempts = Counter()
        self.running = Counter()
        self.most_running = 0
        self.stopped = []

    def start(self, worker):
        self.sent.append((worker, Signal.READY if self.starts else Signal.DIED))

    def submit(self, worker, source):
        self.running[worker] += 1
        self.most_running = max(self.most_running, self.running.total())
        assert self.running[worker] == 1
        self.attempts[source.path] += 1
        action = self.script(source.path, self.attempts[source.path])
        if action != "hang":
            row = Row(source.path, "d", verdict="real")
            self.sent.append((worker, row if action == "row" else Signal.DIED))

    def wait(self, timeout_s):
        sent = [self.sent.popleft()] if self.sent else []
        for worker, _ in sent:
            self.running[worker] = 0
        return sent

    def stop(self, worker):
        self.running[worker] = 0
        self.stopped.append(worker)

    def close(self):
        pass


def make_sources(count):
    return (Source(f"{number}.mp4", "", 1, "v") for number in range(count))


def dispatch(pool, count, timeout_s=100.0):
    return list(Dispatcher(pool, "d", timeout_s).run(make_sources(count)))


@pytest.mark.parametrize("workers", [1, 3])
def test_every_source_is_analyzed_once(workers):
    pool = ScriptedPool(workers)
    rows = dispatch(pool, 20)
    assert sorted(row.path for row in rows) == sorted(source.path for source in make_sources(20))
    assert set(pool.attempts.values()) == {1}
    assert pool.most_running == workers


def test_sources_are_taken_when_a_worker_is_ready():
    taken = []

    def sources():
        for source in make_sources(1000):
            taken.append(source)
            yield source

    rows = Dispatcher(ScriptedPool(2), "d", 100.0).run(sources())
    for count in range(1, 50):
        next(rows)
        assert len(taken) <= count + 2


def test_a_worker_that_dies_repeats_its_own_file_alone():
    def script(path, attempt):
        return "die" if path == "3.mp4" and attempt == 1 else "row"

    pool = ScriptedPool(2, script)
    rows = dispatch(pool, 10)
    assert len(rows) == 10
    assert {row.error for row in rows} == {None}
    assert pool.attempts == Counter({f"{n}.mp4": 2 if n == 3 else 1 for n in range(10)})


def test_a_file_that_ends_every_worker_is_a_row_and_the_others_go_on():
    pool = ScriptedPool(2, lambda path, attempt: "die" if path == "3.mp4" else "row")
    rows = {row.path: row for row in dispatch(pool, 10)}
    assert len(rows) == 10
    assert pool.attempts["3.mp4"] == MAX_ATTEMPTS
    assert (rows["3.mp4"].error, rows["3.mp4"].version) == ("crash", "v")
    assert "ended its worker process 3 times" in rows["3.mp4"].message


def test_random_deaths_lose_and_double_nothing():
    for seed in range(20):
        rng = Random(seed)
        pool = ScriptedPool(3, lambda path, attempt, rng=rng: rng.choice(["row", "row", "die"]))
        rows = dispatch(pool, 50)
        assert Counter(row.path for row in rows) == Counter(f"{n}.mp4" for n in range(50))
        crashed = {row.path for row in rows if row.error}
        assert all((pool.attempts[path] == MAX_ATTEMPTS) for path in crashed)


def test_a_file_that_hangs_is_ended_and_is_a_row():
    pool = ScriptedPool(2, lambda path, attempt: "hang" if path == "1.mp4" else "row")
    rows = {row.path: row for row in dispatch(pool, 5, timeout_s=0.05)}
    assert len(rows) == 5
    assert rows["1.mp4"].error == "timeout"
    assert rows["1.mp4"].message == "1.mp4: took longer than 0.05 s; raise --timeout-s, or trim it"
    assert len(pool.stopped) == 1


def test_workers_that_never_become_ready_end_the_analysis():
    with pytest.raises(WorkerCrashError, match="use fewer --workers"):
        dispatch(ScriptedPool(2, starts=False), 5)
