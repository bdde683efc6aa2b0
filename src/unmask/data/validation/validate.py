"""Whether a manifest may be trained on: rows, files, splits, leaks and shortcuts."""

import html
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from unmask.data.validation.gx_runner import Finding, run_suites
from unmask.data.validation.shortcut_audit import Shortcut, audit_shortcuts
from unmask.data.validation.suites import clip_suite, leak_check, shortcut_check, split_check
from unmask.errors import DataError
from unmask.records import Clip

LEVELS = ("required", "reported")

STYLE = """body { font-family: system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; }
table { border-collapse: collapse; } th, td { border: 1px solid #ccc; padding: 4px 10px; }
th { text-align: left; } .no { color: #b00020; } .yes { color: #1b7a3d; }"""


@dataclass(frozen=True, slots=True)
class ValidationReport:
    """What was found out about a manifest.

    Attributes:
        passed: Every required demand holds.
        findings: Every demand, those that hold included.
        shortcuts: Nuisances tried as detectors, the most telling first; empty where files
            or a class are missing.
        page: HTML summary; Great Expectations' own page of each check lies beside it.
    """

    passed: bool
    clips: int
    findings: tuple[Finding, ...]
    shortcuts: tuple[Shortcut, ...]
    page: Path

    @property
    def failures(self) -> tuple[str, ...]:
        """Each required demand that does not hold, in words."""
        return tuple(str(found) for found in _failed(self.findings, "required"))

    @property
    def remarks(self) -> tuple[str, ...]:
        """Each demand that does not hold and is only reported, in words."""
        return tuple(str(found) for found in _failed(self.findings, "reported"))

    def raise_if_failed(self) -> None:
        """Do nothing if the manifest passed.

        Raises:
            DataError: It did not; every required demand that fails is told.
        """
        if not self.passed:
            raise DataError(f"validation failed, see {self.page}: {'; '.join(self.failures)}")


def validate(
    clips: Sequence[Clip],
    report_dir: Path | str,
    shortcut_level: str = "required",
    seed: int = 0,
    jobs: int = 2,
) -> ValidationReport:
    """Check a manifest with Great Expectations and write its HTML pages.

    Args:
        clips: As read; their files are opened for the shortcut test.
        report_dir: Folder, made if absent, that gets ``index.html`` and a page per check.
        shortcut_level: ``required`` for data that is ours to make right, ``reported`` for
            footage that is as it is.

    Raises:
        DataError: There is no such level.
        MediaError: A clip's file is there but cannot be opened.
    """
    if shortcut_level not in LEVELS:
        raise DataError(f"shortcut level is {shortcut_level!r}; use {' or '.join(LEVELS)}")
    checks = [clip_suite(clips), split_check(clips), leak_check(clips)]
    shortcuts: tuple[Shortcut, ...] = ()
    if len({clip.is_fake for clip in clips}) == 2 and all(clip.path.is_file() for clip in clips):
        shortcuts = audit_shortcuts(clips, seed, jobs)
        checks.append(shortcut_check(shortcuts, shortcut_level))
    findings, pages = run_suites(checks)
    folder = Path(report_dir)
    folder.mkdir(parents=True, exist_ok=True)
    for name, page in pages.items():
        (folder / f"{name}.html").write_text(page, encoding="utf-8")
    report = ValidationReport(
        passed=not _failed(findings, "required"),
        clips=len(clips),
        findings=findings,
        shortcuts=shortcuts,
        page=folder / "index.html",
    )
    report.page.write_text(_summary(report), encoding="utf-8")
    return report


def _failed(findings: Iterable[Finding], level: str) -> tuple[Finding, ...]:
    return tuple(found for found in findings if found.level == level and not found.passed)


def _summary(report: ValidationReport) -> str:
    verdict = "passed" if report.passed else "NOT passed"
    demands = (
        (
            f'<a href="{found.check}.html">{found.check}</a>',
            html.escape(found.demand),
            found.level,
            '<span class="yes">✔</span>' if found.passed else '<span class="no">✘</span>',
            html.escape(found.observed),
        )
        for found in report.findings
    )
    nuisances = (
        (row.name, f"{row.auc:.3f}", row.interval, str(row.clips)) for row in report.shortcuts
    )
    return (
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Validation: {verdict}'
        f"</title><style>{STYLE}</style></head><body>"
        f"<h1>{report.clips} clips: {verdict}</h1>"
        f"{_table(('check', 'demand', 'level', '', 'found instead'), demands)}"
        "<h2>Shortcuts</h2><p>Each nuisance alone as a detector; an AUC of 0.5 is harmless.</p>"
        f"{_table(('nuisance', 'AUC', '95 % interval', 'clips'), nuisances)}</body></html>\n"
    )


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    head = "".join(f"<th>{name}</th>" for name in header)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><tr>{head}</tr>{body}</table>"
