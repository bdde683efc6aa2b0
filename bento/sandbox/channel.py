"""The child process and the socket to it."""

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

import psutil

import unmask
from bento.errors import ChildExitedError
from bento.paths import ROOT
from bento.sandbox.confinement import bare_environment
from bento.sandbox.protocol import ChildMessage, Message, parse_child_message

CHILD_COMMAND = (sys.executable, "-P", "-m", "bento.sandbox")  # -P: not the working folder
BLOCK_BYTES = 1 << 16
PARENT_CHECK_S = 1.0


class ChildProcess:
    """A running child process; it exits with this process, however this process ends.

    Args:
        command: Command to start; the child's end of the socket is appended as a file descriptor,
            then the folder.
        folder: The child's folder, see :class:`bento.sandbox.workspace.Workspace`.
    """

    def __init__(self, command: Sequence[str], folder: Path) -> None:
        self._socket, child_socket = socket.socketpair()
        with child_socket:
            self._process = subprocess.Popen(
                [*command, str(child_socket.fileno()), str(folder)],
                pass_fds=[child_socket.fileno()],
                stdin=subprocess.DEVNULL,
                env=bare_environment(child_environment(), folder),
            )
        self._buffer = b""

    @property
    def alive(self) -> bool:
        """Whether the process is running."""
        return self._process.poll() is None

    @property
    def memory_bytes(self) -> int:
        """Resident memory; 0 once the process has exited."""
        try:
            return int(psutil.Process(self._process.pid).memory_info().rss)
        except psutil.Error:
            return 0

    def send(self, message: Message) -> None:
        """Send a message.

        Raises:
            ChildExitedError: The process has exited.
        """
        try:
            self._socket.sendall(message.to_line())
        except OSError as error:
            raise ChildExitedError(self._process.wait()) from error

    def receive(self, timeout_s: float) -> list[ChildMessage]:
        """Return the messages that arrive within ``timeout_s``.

        Raises:
            ChildExitedError: The process has exited.
            pydantic.ValidationError: The process sent an invalid message.
        """
        if not select.select([self._socket], [], [], timeout_s)[0]:
            return []
        try:
            block = self._socket.recv(BLOCK_BYTES)
        except OSError:
            block = b""
        if not block:
            raise ChildExitedError(self._process.wait())
        *lines, self._buffer = (self._buffer + block).split(b"\n")
        return [parse_child_message(line) for line in lines]

    def kill(self) -> None:
        """Kill the process."""
        self._process.kill()
        self._process.wait()
        self._socket.close()


def exit_with_parent() -> None:
    """Send SIGTERM to this process once its parent process has exited."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(PARENT_CHECK_S)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, daemon=True).start()


def child_environment() -> dict[str, str]:
    """Return this process's environment with this package and the library on ``PYTHONPATH``."""
    library = str(Path(unmask.__file__).parents[1])
    path = os.pathsep.join(filter(None, (str(ROOT), library, os.environ.get("PYTHONPATH"))))
    return {**os.environ, "PYTHONPATH": path}
