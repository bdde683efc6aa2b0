"""The packages that reading a bundle takes, at the versions installed here."""

from collections.abc import Iterable
from importlib.metadata import distribution

from packaging.requirements import Requirement

SERVING = ("unmask[service]",)


def pinned_requirements(wanted: Iterable[str] = SERVING) -> list[str]:
    """``name==version`` of ``wanted`` and all they need, without unmask itself."""
    queue = [Requirement(text) for text in wanted]
    seen: set[tuple[str, frozenset[str]]] = set()
    found: dict[str, str] = {}
    while queue:
        need = queue.pop()
        key = (need.name.lower(), frozenset(need.extras))
        if key in seen:
            continue
        seen.add(key)
        package = distribution(need.name)
        found[need.name.lower().replace("_", "-")] = package.version
        queue += [
            below
            for text in package.requires or []
            if _applies(below := Requirement(text), need.extras)
        ]
    found.pop("unmask")
    return [f"{name}=={version}" for name, version in sorted(found.items())]


def _applies(need: Requirement, extras: Iterable[str]) -> bool:
    if need.marker is None:
        return True
    return any(need.marker.evaluate({"extra": extra}) for extra in (*extras, ""))
