"""Helpers that tests of several packages share."""

import time


def wait_until(condition, timeout_s=60.0, interval_s=0.02):
    """Poll ``condition`` until it is truthy and return its value; fail after ``timeout_s``."""
    deadline = time.monotonic() + timeout_s
    while not (value := condition()):
        assert time.monotonic() < deadline, f"still false after {timeout_s:g} s"
        time.sleep(interval_s)
    return value
