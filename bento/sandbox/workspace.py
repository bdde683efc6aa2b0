"""The folder of one child process: files that it may read, and files that it writes."""

import os
import re
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp

from bento.sandbox.confinement import INPUT, OUTPUT
from bento.sandbox.protocol import AnalysisTask

IMAGE = re.compile(r"[A-Za-z0-9_-]{1,80}\.png")


class Workspace:
    """A temporary folder with a video that the child reads and a folder that it writes.

    Args:
        parent: Where the folder is created, best on the file system of the videos.
    """

    def __init__(self, parent: Path) -> None:
        parent.mkdir(parents=True, exist_ok=True)
        self.folder = Path(mkdtemp(prefix="sandbox-", dir=parent))
        for name in (INPUT, OUTPUT):
            (self.folder / name).mkdir()

    @contextmanager
    def staged(self, task: AnalysisTask) -> Iterator[AnalysisTask]:
        """Yield ``task`` with paths in this folder; its images are moved out at the end."""
        video = self.folder / INPUT / task.path.name
        with TemporaryDirectory(dir=self.folder / OUTPUT) as work_dir:
            try:
                _link_or_copy(task.path, video)
                yield task.model_copy(update={"path": video, "work_dir": Path(work_dir)})
                if task.work_dir is not None:
                    _move_images(Path(work_dir), task.work_dir)
            finally:
                video.unlink(missing_ok=True)

    def remove(self) -> None:
        """Delete the folder."""
        shutil.rmtree(self.folder, ignore_errors=True)


def _link_or_copy(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except FileNotFoundError:
        raise
    except OSError:  # another file system, or one without links
        shutil.copyfile(source, target)


def _move_images(source: Path, target: Path) -> None:
    """Move regular files alone: a link made by the child could lead anywhere."""
    for path in source.iterdir():
        info = path.lstat()
        if IMAGE.fullmatch(path.name) and stat.S_ISREG(info.st_mode) and info.st_nlink == 1:
            shutil.move(path, target / path.name)
