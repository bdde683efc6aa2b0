import subprocess

import pytest

from scripts.release import ReleaseError, check_release, create_tag, main, parse_changelog

CHANGELOG = """# Changelog

## [Unreleased]

## [1.2.0] - 2026-11-28

### Added

- A thing.

## [1.1.0] - 2026-11-22

- The first thing.
"""


def git(root, *arguments):
    return subprocess.run(
        ["git", *arguments], cwd=root, capture_output=True, text=True, check=True
    ).stdout.strip()


def commit_all(root):
    git(root, "add", "--all")
    git(root, "commit", "--quiet", "--message", "Change")


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A committed repository whose version is 1.2.0 everywhere."""
    for kind in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{kind}_NAME", "Test")
        monkeypatch.setenv(f"GIT_{kind}_EMAIL", "test@example.org")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    (tmp_path / "src/unmask").mkdir(parents=True)
    (tmp_path / "CHANGELOG.md").write_text(CHANGELOG)
    (tmp_path / "pyproject.toml").write_text('[project]\nversion = "1.2.0"\n')
    (tmp_path / "src/unmask/__init__.py").write_text('__version__ = "1.2.0"\n')
    (tmp_path / "CITATION.cff").write_text("cff-version: 1.2.0\nversion: 1.2.0\n")
    git(tmp_path, "init", "--quiet", "--initial-branch", "main")
    commit_all(tmp_path)
    return tmp_path


def test_a_ready_checkout_gets_an_annotated_tag_with_the_changelog_section(checkout):
    assert create_tag(checkout, check_release(checkout)) == "v1.2.0"
    assert git(checkout, "cat-file", "-t", "v1.2.0") == "tag"
    assert git(checkout, "rev-parse", "v1.2.0^{commit}") == git(checkout, "rev-parse", "HEAD")
    message = git(checkout, "tag", "--list", "--format=%(contents)", "v1.2.0")
    assert message == "unmask 1.2.0\n\n### Added\n\n- A thing."


@pytest.mark.parametrize(
    ("file", "old", "new", "problem"),
    [
        ("CHANGELOG.md", "[1.2.0]", "[1.3.0]", "pyproject.toml: 1.2.0, but .* 1.3.0"),
        ("pyproject.toml", "1.2.0", "1.3.0", "pyproject.toml: 1.3.0, but .* 1.2.0"),
        ("src/unmask/__init__.py", "1.2.0", "1.1.0", "__init__.py: 1.1.0, but .* 1.2.0"),
        ("src/unmask/__init__.py", "__version__", "VERSION", "__init__.py: no version"),
        ("CITATION.cff", "\nversion: 1.2.0", "\nversion: 1.1.9", "CITATION.cff: 1.1.9, but"),
        ("CHANGELOG.md", "[Unreleased]\n", "[Unreleased]\n\n- More.\n", "has 1 entries"),
        ("CHANGELOG.md", "[1.2.0] - 2026-11-28", "[1.2.0]", r"\[1.2.0\] has no date"),
        ("CHANGELOG.md", "### Added\n\n- A thing.\n", "", r"\[1.2.0\] has no entries"),
    ],
)
def test_a_checkout_that_contradicts_itself_is_refused(checkout, file, old, new, problem):
    path = checkout / file
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    commit_all(checkout)
    with pytest.raises(ReleaseError, match=problem):
        check_release(checkout)


def test_uncommitted_files_are_refused(checkout):
    (checkout / "new.py").write_text("")
    with pytest.raises(ReleaseError, match=r"^1 uncommitted files; commit or stash them$"):
        check_release(checkout)


def test_a_version_is_tagged_once(checkout, capsys):
    main(checkout)
    assert capsys.readouterr().out.startswith("tagged v1.2.0")
    with pytest.raises(SystemExit) as exit_info:
        main(checkout)
    assert exit_info.value.code == "not released:\ntag v1.2.0 exists; raise the version"
    assert git(checkout, "tag") == "v1.2.0"


def test_every_reason_is_given_at_once(checkout):
    (checkout / "pyproject.toml").write_text('[project]\nversion = "2.0.0"\n')
    with pytest.raises(ReleaseError) as error:
        check_release(checkout)
    assert len(str(error.value).splitlines()) == 2


def test_a_changelog_without_a_release_is_refused(checkout):
    (checkout / "CHANGELOG.md").write_text("# Changelog\n\n## [Unreleased]\n")
    with pytest.raises(ReleaseError, match="no released version"):
        check_release(checkout)


def test_a_changelog_is_split_into_versions_newest_first():
    sections = parse_changelog(CHANGELOG)
    assert [(section.version, section.date) for section in sections] == [
        ("Unreleased", None),
        ("1.2.0", "2026-11-28"),
        ("1.1.0", "2026-11-22"),
    ]
    assert sections[2].body == "- The first thing."
