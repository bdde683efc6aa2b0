"""Random kills of worker, service, broker and database under load: no job is lost or doubled.

Kills a few times; `make soak` kills 200 times.
"""

import os
import secrets
import threading
from collections import Counter

import httpx
import numpy as np
import pytest
import sqlalchemy as sa

from bento.settings import ServiceSettings
from tests.bento.servers import free_port
from tests.factories import wait_until

KILLS = int(os.environ.get("UNMASK_KILLS", "6"))
pytestmark = [
    pytest.mark.services,
    pytest.mark.skipif(KILLS == 0, reason="UNMASK_KILLS is 0"),
]
SEED = int(os.environ.get("UNMASK_KILLS_SEED", "3"))
WORKERS = 2
WAITING_JOBS = 10
JOB = "sleep 0.3 {}"
TERMINATE = sa.text(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
    "WHERE datname = current_database() AND pid <> pg_backend_pid()"
)


class Fleet:
    """A service and two workers in processes that can be killed, and a client that submits."""

    def __init__(self, start_process, folder, settings, redis=None):
        self.settings = {
            "folder": folder / "service",
            "poll_s": 0.05,
            "lease_s": 5.0,
            "attempts": 100,
            "max_queued": 10**5,
            "max_queued_per_tenant": 10**5,
            "submits_per_minute": 10**6,
            "requests_per_minute": 10**7,
            **settings,
        }
        self.redis = redis
        self.log = folder / "log"
        self.port = free_port()
        self.base = f"http://127.0.0.1:{self.port}"
        self.start_process = start_process
        self.service = self.start_service()
        self.workers = [self.start_worker() for _ in range(WORKERS)]
        self.jobs = {}  # text to job, once the service has accepted it
        self.finished = threading.Event()

    def start_service(self):
        return self.start_process(self.settings, "scripted_service.py", [str(self.port)])

    def start_worker(self):
        return self.start_process(self.settings, PYTHON_CHILD_LOG=str(self.log))

    def kill_worker(self, rng):
        index = int(rng.integers(WORKERS))
        self.workers[index].kill()
        self.workers[index].wait()
        self.workers[index] = self.start_worker()

    def kill_service(self, _):
        self.service.kill()
        self.service.wait()
        self.service = self.start_service()

    def kill_broker(self, _):
        self.redis.kill()
        self.redis.start()

    def kill_database(self, _):
        with self.connect() as connection:
            connection.execute(TERMINATE)

    def connect(self):
        url = ServiceSettings(**self.settings).database_url
        return sa.create_engine(url, poolclass=sa.NullPool).connect()

    def started(self):
        return self.log.read_text().splitlines() if self.log.exists() else []

    def submit_all(self):
        """Keep some jobs waiting; submit each with a key until it is accepted."""
        number = 0
        while not self.finished.is_set():
            if number - len(set(self.started())) >= WAITING_JOBS:
                self.finished.wait(0.1)
                continue
            text = JOB.format(number)
            response = self.request(
                "POST",
                "/analyze-video",
                files={"file": ("a.mp4", text.encode())},
                headers={"Idempotency-Key": f"key-{number}"},
            )
            if response is not None and response.status_code == 202:
                self.jobs[text] = response.json()["job_id"]
                number += 1

    def request(self, method, path, **options):
        """Return the response; ``None`` while the service is away."""
        try:
            return httpx.request(method, f"{self.base}{path}", timeout=30, **options)
        except httpx.TransportError:
            return None

    def wait_for(self, job):
        def view():
            response = self.request("GET", f"/jobs/{job}")
            if response is None or response.status_code >= 500:
                return None
            assert response.status_code == 200, response.text  # 404 would be a lost job
            job_view = response.json()
            return job_view["status"] not in ("queued", "running") and job_view

        return wait_until(view, interval_s=0.05)


def kill_at_random(fleet, victims, kills):
    """Kill one of the victims at a time; each kill waits until a job was started after the last."""
    rng = np.random.default_rng(SEED)
    client = threading.Thread(target=fleet.submit_all)
    client.start()
    killed = Counter()
    try:
        for number in range(kills):
            before = len(fleet.started())
            wait_until(lambda before=before: len(fleet.started()) > before)
            victim = victims[int(rng.integers(len(victims)))]
            getattr(fleet, f"kill_{victim}")(rng)
            killed[victim] += 1
            if number % 20 == 19:
                print(f"{number + 1} kills: {dict(killed)}, {len(fleet.jobs)} jobs", flush=True)
    finally:
        fleet.finished.set()
        client.join()
    return killed


def check_jobs(fleet):
    """Check that every accepted job is done, and that none was made or run twice."""
    views = {text: fleet.wait_for(job) for text, job in fleet.jobs.items()}
    lost = {text: view for text, view in views.items() if view["status"] != "done"}
    starts = Counter(fleet.started())
    doubled = {text for text, view in views.items() if starts[text] > view["attempts"]}
    with fleet.connect() as connection:
        stored = connection.execute(sa.text("SELECT count(*) FROM detection_results")).scalar_one()
    repeated = sum(view["attempts"] > 1 for view in views.values())
    print(f"{len(views)} jobs, {repeated} repeated, {len(lost)} lost, {len(doubled)} doubled")
    assert lost == {}
    assert doubled == set()
    assert stored == len(views)
    assert set(starts) == set(views)


@pytest.mark.slow
@pytest.mark.timeout(300 + 60 * KILLS)
def test_no_job_is_lost_or_doubled_on_one_machine(worker_process, tmp_path):
    fleet = Fleet(worker_process, tmp_path, {})
    killed = kill_at_random(fleet, ("worker", "service"), KILLS)
    check_jobs(fleet)
    assert sum(killed.values()) == KILLS


@pytest.mark.slow
@pytest.mark.timeout(300 + 60 * KILLS)
def test_no_job_is_lost_or_doubled_on_many_machines(worker_process, redis, database, tmp_path):
    settings = {
        "queue": f"redis://127.0.0.1:{redis.port}/0",
        "queue_name": f"soak-{secrets.token_hex(4)}",
        "database": database,
    }
    fleet = Fleet(worker_process, tmp_path, settings, redis)
    killed = kill_at_random(fleet, ("worker", "service", "broker", "database"), KILLS)
    check_jobs(fleet)
    assert sum(killed.values()) == KILLS
