"""Pinned requirements of a packaged detector."""

from collections.abc import Iterable
from importlib.metadata import distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import NormalizedName, canonicalize_name
from pip_requirements_parser import RequirementsFile

from unmask.errors import DataError

SERVING = ("unmask[serve]",)  # by graphs, without torch
EVIDENCE = ("unmask[service]",)  # with torch, which draws evidence and runs bundles without graphs
TRAINING = ("unmask[platform]", "kfp", "kfp-kubernetes")  # of steps on a cluster
LOCK = Path(__file__).parents[2] / "requirements.lock"


def pinned_requirements(requirements: Iterable[str] = SERVING) -> list[str]:
    """Return ``name==version`` of all installed dependencies of ``requirements``, unmask apart."""
    queue = [Requirement(text) for text in requirements]
    visited: set[tuple[NormalizedName, frozenset[str]]] = set()
    versions: dict[str, str] = {}
    while queue:
        requirement = queue.pop()
        name = canonicalize_name(requirement.name)
        key = (name, frozenset(requirement.extras))
        if key in visited:
            continue
        visited.add(key)
        package = distribution(requirement.name)
        versions[name] = package.version
        dependencies = map(Requirement, package.requires or [])
        queue += [each for each in dependencies if _applies(each, requirement.extras)]
    versions.pop("unmask")
    return [f"{name}=={version}" for name, version in sorted(versions.items())]


def hashed_requirements(lock: Path = LOCK, requirements: Iterable[str] = SERVING) -> str:
    """Return :func:`pinned_requirements` as a requirements file with the hashes of ``lock``.

    pip and uv then refuse any file of another content.

    Raises:
        DataError: An installed version is not the one that the lock pins.
    """
    locked: dict[str, list[str]] = {}
    for entry in RequirementsFile.from_file(str(lock)).requirements:
        locked[f"{canonicalize_name(entry.name)}=={entry.get_pinned_version}"] = entry.hash_options
    lines = pinned_requirements(requirements)
    if missing := [line for line in lines if not locked.get(line)]:
        raise DataError(f"{lock}: does not pin the installed {', '.join(missing)}; run make setup")
    return "".join(f"{line} {_hashes(locked[line])}\n" for line in lines)


def _hashes(hashes: Iterable[str]) -> str:
    return " ".join(f"--hash={each}" for each in hashes)


def _applies(requirement: Requirement, extras: Iterable[str]) -> bool:
    if requirement.marker is None:
        return True
    return any(requirement.marker.evaluate({"extra": extra}) for extra in (*extras, ""))
