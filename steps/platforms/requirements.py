"""Pinned requirements of a packaged detector."""

from collections.abc import Iterable
from importlib.metadata import distribution

from packaging.requirements import Requirement

SERVING = ("unmask[service]",)


def pinned_requirements(requirements: Iterable[str] = SERVING) -> list[str]:
    """Return ``name==version`` of all installed dependencies of ``requirements``, unmask apart."""
    queue = [Requirement(text) for text in requirements]
    visited: set[tuple[str, frozenset[str]]] = set()
    versions: dict[str, str] = {}
    while queue:
        requirement = queue.pop()
        key = (requirement.name.lower(), frozenset(requirement.extras))
        if key in visited:
            continue
        visited.add(key)
        package = distribution(requirement.name)
        versions[requirement.name.lower().replace("_", "-")] = package.version
        dependencies = map(Requirement, package.requires or [])
        queue += [each for each in dependencies if _applies(each, requirement.extras)]
    versions.pop("unmask")
    return [f"{name}=={version}" for name, version in sorted(versions.items())]


def _applies(requirement: Requirement, extras: Iterable[str]) -> bool:
    if requirement.marker is None:
        return True
    return any(requirement.marker.evaluate({"extra": extra}) for extra in (*extras, ""))
