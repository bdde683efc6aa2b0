"""Data validation: rows, files, splits, data leakage and shortcuts of a manifest, as a report."""

import html
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from unmask.data.validation.gx_runner import Finding, run_suites
from unmask.data.validation.shortcut_audit import Shortcut, audit_shortcuts
from unmask.data.validation.suites import (
    clip_suite,
    known_people_suite,
    leak_suite,
    shortcut_suite,
    split_suite,
)
from unmask.errors import DataError
from unmask.records import SEALED, SPLITS, Clip

LEVELS = ("required", "reported")

STYLE = """body { font-family: system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; }
table { border-collapse: collapse; } th, td { border: 1px solid #ccc; padding: 4px 10px; }
th { text-align: left; } .no { color: #b00020; } .yes { color: #1b7a3d; }"""


@dataclass(frozen=True, slots=True)
class ValidationReport:
    """The result of validating a manifest.

    Attributes:
        passed: Whether every required expectation is met.
        clips: Number of clips.
        findings: Results of all expectations.
        shortcuts: AUC of the nuisance features, the one furthest from 0.5 first; empty if a file
            or a class is missing.
        page: HTML summary, next to the page of each suite.
    """

    passed: bool
    clips: int
    findings: tuple[Finding, ...]
    shortcuts: tuple[Shortcut, ...]
    page: Path

    @property
    def failures(self) -> tuple[str, ...]:
        """Required expectations that are not met, each as a sentence."""
        return tuple(str(finding) for finding in _failed(self.findings, "required"))

    @property
    def remarks(self) -> tuple[str, ...]:
        """Expectations that are not met and only reported, each as a sentence."""
        return tuple(str(finding) for finding in _failed(self.findings, "reported"))

    def raise_if_failed(self) -> None:
        """Check that the manifest passed.

        Raises:
            DataError: A required expectation failed; the message lists all that did.
        """
        if not self.passed:
            failures = "; ".join(self.failures)
            raise DataError(f"validation failed: {failures}; correct the data set, see {self.page}")


def validate(
    clips: Sequence[Clip],
    report_dir: Path | str,
    shortcut_level: str = "required",
    seed: int = 0,
    jobs: int = 2,
    splits: Sequence[str] = SPLITS,
) -> ValidationReport:
    """Validate a manifest with Great Expectations and write the HTML report.

    Args:
        clips: The clips; the files of those that are not sealed are opened for the shortcut audit.
        report_dir: Folder for ``index.html`` and a page per suite; created if absent.
        shortcut_level: ``required`` makes a shortcut an error, which suits generated data;
            ``reported`` only lists it, which suits data sets that cannot be changed.
        seed: Seed of the bootstrap.
        jobs: Files measured in parallel.
        splits: Those that must have genuine and fake clips.

    Raises:
        DataError: The level is unknown, or too many clips cannot be measured.
    """
    if shortcut_level not in LEVELS:
        raise DataError(f"shortcut level is {shortcut_level!r}; use {' or '.join(LEVELS)}")
    suites = [
        clip_suite(clips),
        split_suite(clips, splits),
        leak_suite(clips),
        known_people_suite(clips),
    ]
    shortcuts: tuple[Shortcut, ...] = ()
    shown = [clip for clip in clips if clip.split != SEALED]
    if len({clip.is_fake for clip in shown}) == 2 and all(clip.path.is_file() for clip in shown):
        shortcuts = audit_shortcuts(shown, seed, jobs)
        suites.append(shortcut_suite(shortcuts, shortcut_level))
    findings, pages = run_suites(suites)
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
    return tuple(finding for finding in findings if finding.level == level and not finding.passed)


def _summary(report: ValidationReport) -> str:
    verdict = "passed" if report.passed else "NOT passed"
    findings = (
        (
            f'<a href="{finding.suite}.html">{finding.suite}</a>',
            html.escape(finding.expectation),
            finding.level,
            '<span class="yes">✔</span>' if finding.passed else '<span class="no">✘</span>',
            html.escape(finding.observed),
        )
        for finding in report.findings
    )
    shortcuts = (
        (row.name, f"{row.auc.value:.3f}", row.auc.format_interval(), str(row.clips))
        for row in report.shortcuts
    )
    return (
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Validation: {verdict}'
        f"</title><style>{STYLE}</style></head><body>"
        f"<h1>{report.clips} clips: {verdict}</h1>"
        f"{_table(('suite', 'expectation', 'level', '', 'observed'), findings)}"
        "<h2>Shortcuts</h2><p>AUC of each nuisance feature as a detector; 0.5 is harmless.</p>"
        f"{_table(('feature', 'AUC', '95 % interval', 'clips'), shortcuts)}</body></html>\n"
    )


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    head = "".join(f"<th>{name}</th>" for name in header)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><tr>{head}</tr>{body}</table>"
