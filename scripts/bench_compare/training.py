"""Figures of preprocessing and training, in fresh copies of the checkouts."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from scripts.bench_compare.arms import RUN, Arm, BenchError, copied, state_of

ZENML_INIT = "import sys; from zenml_cli import cli; sys.argv = ['zenml', 'init']; cli()"
CHAMPION = Path("outputs/champion")
PREPROCESS = {"base": ("preprocess", "--report"), "now": ("data", "preprocess", "--json")}


def train_seconds(arm: Arm, base: Arm, champion: Path | None = None) -> Sequence[float]:
    """Return the seconds of `make train` on the demo set that the base pins.

    Args:
        champion: Where the promoted detector is kept.
    """
    with copied(arm, base.folder) as copy:
        state = state_of(copy.folder)
        copy.run("-c", ZENML_INIT, variables=state)
        start = perf_counter()
        copy.run(
            "-m", "pipelines", "training", "--phase", "1", "--profile", "demo", variables=state
        )
        seconds = perf_counter() - start
        if champion is not None:
            shutil.copytree(copy.folder / CHAMPION, champion, dirs_exist_ok=True)
    return (seconds,)


def real_time_factor(arm: Arm, source: Path) -> Sequence[float]:
    """Return how many seconds of media `unmask preprocess` prepares in one, with an empty cache.

    Args:
        source: Folder of media files.
    """
    with TemporaryDirectory(prefix="unmask-bench-") as folder:
        shutil.copy2(arm.folder / "params.yaml", folder)
        out = Path(folder) / "report.json"
        *command, option = PREPROCESS[_version(arm)]
        arm.run("-c", RUN, *command, str(source), option, str(out), cwd=Path(folder))
        total = json.loads(out.read_text())["total"]
        if total["failed"]:
            raise BenchError(f"{arm.name}: {total['failed']} of {total['files']} files failed")
        return (float(total["real_time_factor"]),)


def _version(arm: Arm) -> str:
    """Return whether the checkout has the command of before, or that of now."""
    return "now" if (arm.folder / "src/unmask/cli/data/preprocess.py").is_file() else "base"
