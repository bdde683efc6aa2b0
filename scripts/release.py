"""Tag the current commit as a release, once every place that states the version agrees.

``python scripts/release.py`` (`make release`) makes an annotated tag ``vX.Y.Z`` whose message
is the changelog's section, and pushes nothing.
"""

import re
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
UNRELEASED = "Unreleased"
HEADING = re.compile(r"^## \[([^\]]+)\](?: - (\d{4}-\d{2}-\d{2}))?\s*$", re.MULTILINE)
PACKAGE_VERSION = re.compile(r'^__version__ = "([^"]+)"$', re.MULTILINE)
CITATION_VERSION = re.compile(r"^version: (\S+)$", re.MULTILINE)


class ReleaseError(Exception):
    """Reasons why a checkout cannot be released, one per line."""


@dataclass(frozen=True, slots=True)
class Section:
    """One version of the changelog.

    Attributes:
        version: As in the heading, ``Unreleased`` or ``X.Y.Z``.
        date: ``YYYY-MM-DD``; None where the heading has none.
        body: Text up to the next version, stripped.
    """

    version: str
    date: str | None
    body: str


def parse_changelog(text: str) -> list[Section]:
    r"""Split a changelog in Keep-a-Changelog form into its versions, newest first.

    Example:
        >>> parse_changelog("# Changelog\n\n## [0.1.0] - 2026-11-22\n\n- First.\n")
        [Section(version='0.1.0', date='2026-11-22', body='- First.')]
    """
    headings = list(HEADING.finditer(text))
    ends = [heading.start() for heading in headings[1:]] + [len(text)]
    return [
        Section(heading[1], heading[2], text[heading.end() : end].strip())
        for heading, end in zip(headings, ends, strict=True)
    ]


def check_release(root: Path) -> Section:
    """Return the changelog's latest release, which the checkout ``root`` is ready to tag.

    Raises:
        ReleaseError: Versions differ, ``[Unreleased]`` has entries, files are uncommitted, or the
            tag exists; the message lists every reason.
    """
    sections = parse_changelog((root / "CHANGELOG.md").read_text())
    releases = [section for section in sections if section.version != UNRELEASED]
    if not releases:
        raise ReleaseError("CHANGELOG.md: no released version; add `## [X.Y.Z] - YYYY-MM-DD`")
    release = releases[0]
    problems = [
        *_changelog_problems(sections, release),
        *_version_problems(root, release.version),
        *_git_problems(root, release.version),
    ]
    if problems:
        raise ReleaseError("\n".join(problems))
    return release


def create_tag(root: Path, release: Section) -> str:
    """Tag the current commit with ``release``, and return the tag's name."""
    tag, message = f"v{release.version}", f"unmask {release.version}\n\n{release.body}\n"
    # by default git would remove the changelog's `### Added` as a comment
    _git(root, "tag", "--annotate", "--cleanup=verbatim", "--message", message, tag)
    return tag


def _changelog_problems(sections: list[Section], release: Section) -> list[str]:
    problems = []
    for section in sections:
        entries = re.findall(r"^\s*[-*] ", section.body, re.MULTILINE)
        if section.version == UNRELEASED and entries:
            problems.append(
                f"CHANGELOG.md: [Unreleased] has {len(entries)} entries; move them under a version"
            )
    if release.date is None:
        problems.append(f"CHANGELOG.md: [{release.version}] has no date; add ` - YYYY-MM-DD`")
    if not release.body:
        problems.append(f"CHANGELOG.md: [{release.version}] has no entries; describe the changes")
    return problems


def _version_problems(root: Path, version: str) -> list[str]:
    stated = {
        "pyproject.toml": tomllib.loads((root / "pyproject.toml").read_text())["project"][
            "version"
        ],
        "src/unmask/__init__.py": _match(PACKAGE_VERSION, root / "src/unmask/__init__.py"),
        "CITATION.cff": _match(CITATION_VERSION, root / "CITATION.cff"),
    }
    return [
        f"{file}: {other}, but the changelog's latest release is {version}; make them equal"
        for file, other in stated.items()
        if other != version
    ]


def _match(pattern: re.Pattern[str], path: Path) -> str:
    match = pattern.search(path.read_text())
    return match[1] if match else "no version"


def _git_problems(root: Path, version: str) -> list[str]:
    problems = []
    if changed := _git(root, "status", "--porcelain").splitlines():
        problems.append(f"{len(changed)} uncommitted files; commit or stash them")
    if _git(root, "tag", "--list", f"v{version}"):
        problems.append(f"tag v{version} exists; raise the version")
    return problems


def _git(root: Path, *arguments: str) -> str:
    result = subprocess.run(
        ["git", *arguments], cwd=root, capture_output=True, text=True, check=False
    )
    if result.returncode:
        raise ReleaseError(f"git {arguments[0]}: {result.stderr.strip()}")
    return result.stdout.strip()


def main(root: Path = ROOT) -> None:
    """Tag the checkout ``root``, or exit with the reasons why it cannot be released."""
    try:
        tag = create_tag(root, check_release(root))
    except ReleaseError as error:
        sys.exit(f"not released:\n{error}")
    print(f"tagged {tag}; publish it with `git push origin {tag}`")


if __name__ == "__main__":
    main()
