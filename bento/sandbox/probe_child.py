"""The child process that opens uploads: ``python -m bento.sandbox.probe_child FD FOLDER``.

Like the child that analyzes, it confines itself before it imports anything that starts a thread. It
loads no detector, and requests wait for it, so it keeps its priority.
"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from bento.sandbox.confinement import confine

if TYPE_CHECKING:
    from bento.sandbox.child import ParentChannel
    from bento.sandbox.protocol import AnalysisTask


def main() -> None:
    """Confine this process to its folder, then open one file after another."""
    confine(Path(sys.argv[2]))
    from bento.sandbox.child import ParentChannel, run_loop

    run_loop(ParentChannel(int(sys.argv[1])), "", check, lambda _: None)


def check(task: "AnalysisTask", _: "ParentChannel") -> None:
    """Open a file and look at its streams.

    Raises:
        MediaError: Nothing in it can be analyzed.
    """
    from unmask.serving.media_limits import check_container

    check_container(task.path, task.shown_as, task.limits)


if __name__ == "__main__":
    main()
