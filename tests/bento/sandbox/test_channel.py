"""The child process and the socket to it."""

import subprocess
import sys

import psutil
import pytest

from bento.errors import ChildExitedError
from bento.sandbox.channel import ChildProcess, child_environment
from bento.sandbox.protocol import Progress, Ready
from tests.factories import TIMEOUT_S, wait_until

READY = Ready(model_sha256="0" * 64)
PROGRESS = Progress(stage="faces", percent=40.0)
# sends one message in two parts, the second part together with the next message
SPLIT_LINES = f"""
import os, sys
lines = {READY.to_line()!r}, {PROGRESS.to_line()!r}
channel = int(sys.argv[1])
os.write(channel, lines[0][:9])
os.read(channel, 1 << 16)
os.write(channel, lines[0][9:] + lines[1])
os.read(channel, 1 << 16)
"""
ECHO = """
import os, sys
channel = int(sys.argv[1])
while block := os.read(channel, 1 << 16):
    os.write(channel, block)
"""
CHILD = """
import time
from bento.sandbox.channel import exit_with_parent
exit_with_parent()
print("watching", flush=True)
time.sleep(600)
"""
PARENT = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", sys.argv[1]], stdout=subprocess.PIPE)
child.stdout.readline()
print(child.pid, flush=True)
"""


@pytest.fixture
def start(tmp_path):
    children = []

    def run(code):
        children.append(ChildProcess((sys.executable, "-c", code), tmp_path))
        return children[-1]

    yield run
    for child in children:
        child.kill()


def test_messages_are_joined_and_split_at_line_ends(start):
    child = start(SPLIT_LINES)
    assert child.receive(TIMEOUT_S) == []  # the first part of a line
    child.send(READY)
    assert child.receive(TIMEOUT_S) == [READY, PROGRESS]


def test_sent_message_arrives_and_silence_is_no_message(start):
    child = start(ECHO)
    assert child.receive(0.0) == []
    child.send(PROGRESS)
    assert child.receive(TIMEOUT_S) == [PROGRESS]
    assert child.alive
    assert child.memory_bytes > 2**20


def test_exit_code_of_the_child_is_raised(start):
    child = start("exit(3)")
    with pytest.raises(ChildExitedError, match="exit code 3") as caught:
        child.receive(TIMEOUT_S)
    assert caught.value.exit_code == 3
    assert (child.alive, child.memory_bytes) == (False, 0)
    with pytest.raises(ChildExitedError, match="exit code 3"):
        child.send(PROGRESS)


def test_signal_that_killed_the_child_is_named(start):
    child = start("import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    with pytest.raises(ChildExitedError, match="SIGKILL"):
        child.receive(TIMEOUT_S)


def test_process_exits_with_its_parent():
    output = subprocess.run(
        [sys.executable, "-c", PARENT, CHILD],
        env=child_environment(), stdout=subprocess.PIPE, check=True,
    ).stdout  # fmt: skip
    wait_until(lambda: not is_running(int(output)))


def is_running(pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
