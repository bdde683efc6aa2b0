"""Memory of the processes behind a port."""

import csv
import os
import socket
import threading

from unmask.cli.process_memory import (
    MAX_SAMPLES,
    ProcessMemoryMonitor,
    memory_slope,
    server_memory,
)


def test_the_memory_of_a_port_is_that_of_the_process_that_serves_it():
    with socket.create_server(("127.0.0.1", 0)) as server:
        memory = dict(server_memory(server.getsockname()[1]))
    assert memory[f"service {os.getpid()}"] > 10


def test_a_memory_series_is_thinned_and_its_maximum_kept():
    clock, used = iter(range(0, 1000, 2)), iter(range(301))
    monitor = ProcessMemoryMonitor(
        lambda: [("service 1", float(next(used)))], clock=lambda: next(clock)
    )
    for _ in range(301):
        monitor.record()
    summary = monitor.summary()["service 1"]
    assert summary["max"] == 300.0
    assert len(summary["over_time"]) <= MAX_SAMPLES
    assert summary["over_time"][:2] == [(2, 0.0), (34, 16.0)]


def test_a_monitor_samples_as_long_as_it_is_open():
    sampled = threading.Event()
    with ProcessMemoryMonitor(lambda: sampled.set() or [("service", 1.0)]) as monitor:
        assert sampled.wait(10)
    assert monitor.summary()["service"]["max"] == 1.0


def test_every_sample_is_a_row_of_the_table_as_soon_as_it_is_taken(tmp_path):
    path, sampled = tmp_path / "new" / "memory.csv", threading.Event()
    samples = [("bento.worker 7", 1.5), ("service, main 6", 2.0)]
    monitor = ProcessMemoryMonitor(
        lambda: sampled.set() or samples, lambda: 12, interval_s=600, path=path, clock=lambda: 4.0
    )
    with monitor:
        assert sampled.wait(10)
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(row["process"], row["mib"], row["submissions"]) for row in rows] == [
        ("bento.worker 7", "1.5", "12"),
        ("service, main 6", "2.0", "12"),
    ]
    assert {row["seconds"] for row in rows} == {"0.0"}


def test_a_slope_leaves_the_warm_up_out():
    series = [(float(s), 50.0 + s if s < 25 else 100 + 0.02 * s, s) for s in range(101)]
    assert memory_slope(series) == 20.0


def test_too_few_submissions_have_no_slope():
    assert memory_slope([(0.0, 50.0, 0), (10.0, 60.0, 1), (20.0, 70.0, 1)]) is None
