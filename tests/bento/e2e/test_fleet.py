"""A fleet: two services behind one proxy, three workers, PostgreSQL and Redis."""

import secrets
import signal
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from bento.security.api_keys import create_key
from tests.bento.reverse_proxy import reverse_proxy
from tests.bento.servers import accepts_connections, free_port
from tests.factories import wait_until

pytestmark = pytest.mark.services

PREFIX = "/tools/unmask"
HOUR_S = 3600


@pytest.fixture
def settings(redis, database, tmp_path):
    """What all processes of the fleet have in common."""
    return {
        "queue": f"redis://127.0.0.1:{redis.port}/0",
        "queue_name": f"test-{secrets.token_hex(4)}",
        "rate_limit_store": f"redis://127.0.0.1:{redis.port}/1",
        "database": database,
        "database_connections": 3,
        "storage": tmp_path / "store",
        "api_keys_file": tmp_path / "keys",
        "root_path": PREFIX,
    }


@pytest.fixture
def start_service(settings, worker_process, tmp_path):
    """Start a service on a port and wait until it accepts connections."""

    def start(port):
        own = {**settings, "folder": tmp_path / f"service-{port}"}
        process = worker_process(own, "scripted_service.py", [str(port)])
        wait_until(lambda: accepts_connections(port) or process.poll() is not None)
        assert process.poll() is None, "the service has exited"
        return process

    return start


@pytest.fixture
def start_workers(settings, worker_process, tmp_path):
    """Start workers whose clocks are ahead by so many seconds; return them and the log of tasks."""
    log = tmp_path / "log"
    log.touch()

    def start(*clocks_ahead_s, **changes):
        workers = []
        for number, ahead_s in enumerate(clocks_ahead_s):
            own = {**settings, **changes, "folder": tmp_path / f"worker-{number}"}
            variables = {"PYTHON_CHILD_LOG": str(log), "CLOCK_AHEAD_S": str(ahead_s)}
            workers.append(worker_process(own, **variables))
        return workers, log

    return start


@pytest.fixture
def fleet(start_service, tmp_path):
    """Two services by their URLs, those that the proxy uses, and a client of the proxy."""
    headers = {"Authorization": f"Bearer {create_key(tmp_path / 'keys', 'anna')}"}
    ports = [free_port(), free_port()]
    services = {f"http://127.0.0.1:{port}": start_service(port) for port in ports}
    upstreams = list(services)
    with (
        reverse_proxy(upstreams, PREFIX) as url,
        httpx.Client(base_url=url, headers=headers, timeout=60) as client,
    ):
        yield services, upstreams, client


def submit(client, text, **headers):
    response = client.post(
        "analyze-video", files={"file": ("a.mp4", text.encode())}, headers=headers
    )
    assert response.status_code == 202, response.text
    return response


def served_by(response):
    return response.headers["X-Served-By"]


def statuses(client, jobs):
    return Counter(client.get(f"jobs/{job}").json()["status"] for job in jobs)


def test_uploads_need_no_sticky_service_and_survive_a_rolling_restart(
    fleet, start_service, start_workers
):
    services, upstreams, client = fleet
    texts = [f"job {number}" for number in range(60)]
    workers, log = start_workers(0, 0, 0)
    with ThreadPoolExecutor(4) as clients:
        uploads = [clients.submit(submit, client, text) for text in texts]
        for url, process in list(services.items()):  # one after the other, while uploads arrive
            wait_until(lambda: any(upload.done() for upload in uploads))
            upstreams.remove(url)
            process.terminate()
            assert process.wait(30) in (0, -signal.SIGTERM)
            services[url] = start_service(httpx.URL(url).port)
            upstreams.append(url)
        responses = [upload.result() for upload in uploads]
    assert {served_by(response) for response in responses} == set(services)
    jobs = [response.json()["job_id"] for response in responses]
    assert len(set(jobs)) == len(texts)
    assert all(response.headers["Location"].startswith(PREFIX) for response in responses)
    wait_until(lambda: statuses(client, jobs) == {"done": len(texts)}, interval_s=0.2)
    assert Counter(log.read_text().splitlines()) == Counter(texts)
    assert [worker.poll() for worker in workers] == [None] * 3


def test_each_service_knows_the_jobs_and_repeated_requests_of_the_other(fleet):
    *_, client = fleet
    first, second = (submit(client, "ok", **{"Idempotency-Key": "same"}) for _ in range(2))
    assert served_by(first) != served_by(second)
    assert first.json()["job_id"] == second.json()["job_id"]
    answers = [client.get(f"jobs/{first.json()['job_id']}") for _ in range(2)]
    assert served_by(answers[0]) != served_by(answers[1])
    assert answers[0].json() == answers[1].json()
    path = f"jobs/{first.json()['job_id']}"
    assert client.delete(path).is_success
    assert statuses(client, [first.json()["job_id"]] * 2) == {"cancelled": 2}


def test_workers_whose_clocks_differ_by_hours_take_no_job_from_each_other(fleet, start_workers):
    *_, client = fleet
    texts = [f"sleep {4 + number / 100}" for number in range(3)]
    _, log = start_workers(-HOUR_S, 0, HOUR_S, lease_s=3)
    jobs = [submit(client, text).json()["job_id"] for text in texts]
    wait_until(lambda: statuses(client, jobs) == {"done": 3}, interval_s=0.2)
    assert Counter(log.read_text().splitlines()) == Counter(texts)
