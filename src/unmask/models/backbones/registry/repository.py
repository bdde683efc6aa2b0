"""Files of their authors' repositories, fetched with git.

One commit is fetched, and one file of it is read and checked by its hash. Nothing is checked out,
and nothing is executed.
"""

import os
import subprocess
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory

from unmask.errors import WeightsError
from unmask.models.backbones.registry.entry import RepositoryFile

TIMEOUT_S = 120
ELSEWHERE = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE")  # set where git itself called us


def read_repository_file(file: RepositoryFile) -> bytes:
    """Return the bytes of a file in a repository.

    Raises:
        WeightsError: The repository cannot be had, or its file is another one than the registry
            names.
    """
    with TemporaryDirectory(prefix="unmask-weights-") as name:
        folder = Path(name)
        try:
            _git(folder, "init", "--quiet", "--bare")
            _git(folder, "fetch", "--quiet", "--depth=1", file.url, file.commit)
            content = _git(folder, "cat-file", "blob", f"{file.commit}:{file.member}")
        except FileNotFoundError as error:
            raise WeightsError(f"{file.origin}: git is missing; install git") from error
        except subprocess.TimeoutExpired as error:
            raise WeightsError(
                f"{file.origin}: not fetched within {TIMEOUT_S} s; try again"
            ) from error
        except subprocess.CalledProcessError as error:
            reason = error.stderr.decode(errors="replace").strip()[-200:]
            raise WeightsError(
                f"{file.origin}: git cannot fetch {file.member} ({reason}); connect to a network, "
                f"or name a copy of the repository: git config --global url.COPY.insteadOf "
                f"{file.url}"
            ) from error
    if len(content) != file.size or sha256(content).hexdigest() != file.sha256:
        raise WeightsError(
            f"{file.origin}: {file.member} is not the file that the registry names; do not use it"
        )
    return content


def _git(folder: Path, *arguments: str) -> bytes:
    inherited = {name: value for name, value in os.environ.items() if name not in ELSEWHERE}
    environment = {**inherited, "GIT_TERMINAL_PROMPT": "0"}
    result = subprocess.run(
        ["git", *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        timeout=TIMEOUT_S,
        check=True,
    )
    return result.stdout
