"""The task queue when the broker is unavailable; `e2e` tests it with a real one."""

from bento.jobs.task_queue import TaskQueue


def test_unavailable_broker_is_reported_and_not_raised(caplog):
    queue = TaskQueue("redis://127.0.0.1:1/0", "unmask")
    assert queue.enqueue("0" * 32) is False
    assert queue.depth() is None
    assert "task queue unavailable" in caplog.text
