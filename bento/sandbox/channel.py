"""A child process and the line of JSON to it."""

import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil

import unmask
from bento.paths import ROOT
from unmask.errors import UnmaskError

CHILD = (sys.executable, "-m", "bento.sandbox.child")
BLOCK = 1 << 16
LOOK_S = 1.0


class ChildExitedError(UnmaskError):
    """The child is gone.

    Attributes:
        code: Its exit code; below 0 the signal that ended it.
    """

    def __init__(self, code: int) -> None:
        name = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        super().__init__(name)
        self.code = code


class ChildProcess:
    """A running child; it ends when this object's process does, however that ends.

    Args:
        command: What to start; the number of its socket is added.
    """

    def __init__(self, command: Sequence[str]) -> None:
        self._socket, theirs = socket.socketpair()
        with theirs:
            self._child = subprocess.Popen(
                [*command, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                env=child_environment(),
            )
        self._heard = b""

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._child.poll() is None

    @property
    def memory_bytes(self) -> int:
        """What it holds of the machine's memory; 0 once it is gone."""
        try:
            return int(psutil.Process(self._child.pid).memory_info().rss)
        except psutil.Error:
            return 0

    def send(self, words: dict[str, Any]) -> None:
        """Give it a task.

        Raises:
            DeathError: It is gone.
        """
        try:
            self._socket.sendall((json.dumps(words) + "\n").encode())
        except OSError as error:
            raise ChildExitedError(self._child.wait()) from error

    def receive(self, wait_s: float) -> list[dict[str, Any]]:
        """What it says within ``wait_s``.

        Raises:
            DeathError: It is gone.
        """
        if not select.select([self._socket], [], [], wait_s)[0]:
            return []
        try:
            block = self._socket.recv(BLOCK)
        except OSError:
            block = b""
        if not block:
            raise ChildExitedError(self._child.wait())
        *lines, self._heard = (self._heard + block).split(b"\n")
        return [json.loads(line) for line in lines]

    def kill(self) -> None:
        """Kill it."""
        self._child.kill()
        self._child.wait()
        self._socket.close()


def exit_with_parent() -> None:
    """Ask this process to end, as by ^C, once the one that started it is gone."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(LOOK_S)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()


def child_environment() -> dict[str, str]:
    """Ours, with this package and the library to be found wherever the child starts."""
    library = str(Path(unmask.__file__).parents[1])
    path = os.pathsep.join(filter(None, (str(ROOT), library, os.environ.get("PYTHONPATH"))))
    return {**os.environ, "PYTHONPATH": path}
