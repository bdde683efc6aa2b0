"""Starts the child process: ``python -m bento.sandbox FD FOLDER``.

Confines itself before it imports anything that starts a thread, as threads that run already would
stay free.
"""

import sys
from pathlib import Path

from bento.sandbox.confinement import confine


def main() -> None:
    """Confine this process to its folder, then run the child."""
    confine(Path(sys.argv[2]))
    from bento.sandbox.child import main as run_child

    run_child()


if __name__ == "__main__":
    main()
