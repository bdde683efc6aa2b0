"""Connections to PostgreSQL: how many a process opens, keeps and waits for."""

import threading

import pytest
from sqlalchemy import event, text

from bento.settings import ServiceSettings
from unmask.errors import ConfigError

COUNT = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
REQUESTS = 12


@pytest.mark.services
@pytest.mark.parametrize(("most", "kept"), [(3, 2), (1, 10)])
def test_a_process_opens_no_more_connections_than_its_setting(make_service, database, most, kept):
    service = make_service(
        database=database, database_connections=most, database_connections_kept=kept
    )
    pool = service.services.engine.pool
    barrier, opened, statuses = threading.Barrier(REQUESTS), [pool.checkedin()], []
    event.listen(pool, "connect", lambda *_: opened.append(opened[-1] + 1))
    event.listen(pool, "close", lambda *_: opened.append(opened[-1] - 1))
    service.submit()  # the first request sets the TestClient up, which threads must not do at once

    def submit():
        barrier.wait()
        files = {"file": ("a.mp4", b"ok")}
        statuses.append(service.client.post("/analyze-video", files=files).status_code)

    threads = [threading.Thread(target=submit) for _ in range(REQUESTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [202] * REQUESTS
    assert max(opened) <= most
    with service.services.engine.connect() as connection:
        assert connection.scalar(text(COUNT)) <= min(most, kept)


@pytest.mark.services
def test_two_services_together_stay_within_the_sum_of_their_settings(make_service, database):
    first, second = (make_service(database=database, database_connections=4) for _ in range(2))
    held = []
    try:
        for service in (first, second):
            held += [service.services.engine.connect() for _ in range(4)]
        assert held[0].scalar(text(COUNT)) == 8
    finally:
        for connection in held:
            connection.close()


def test_a_limit_of_no_connection_is_refused():
    with pytest.raises(ConfigError, match="UNMASK_DATABASE_CONNECTIONS"):
        ServiceSettings.from_environment({"UNMASK_DATABASE_CONNECTIONS": "0"})
