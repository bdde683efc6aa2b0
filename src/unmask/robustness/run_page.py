"""One page of a training run: scores, curves, gates, attacks and codecs, in a single file."""

import base64
import html
from collections.abc import Iterable, Sequence
from pathlib import Path

from unmask.evaluation import gate_report
from unmask.evaluation.console_tables import METRIC_HEADINGS, list_metrics
from unmask.evaluation.evaluate import Evaluation
from unmask.evaluation.gates import GateReport
from unmask.robustness import robustness_page
from unmask.robustness.adversarial_report import RobustnessReport
from unmask.robustness.codec_report import CodecReport

STYLE = """:root { color-scheme: light dark; }
body { font-family: system-ui, sans-serif; line-height: 1.5; max-width: 70rem; margin: 2rem auto;
padding: 0 1rem; }
table { border-collapse: collapse; display: block; overflow-x: auto; }
th, td { border: 1px solid #8888; padding: 4px 10px; text-align: left; }
figure { display: inline-block; margin: 0 1rem 1rem 0; } img { max-width: 100%; height: auto; }
nav a { margin-right: 1rem; } @media print { nav { display: none; } }"""
CURVES = {
    "roc.png": "ROC curve: fakes called fake against genuine clips called fake",
    "reliability.png": "Reliability: share of fakes against predicted probability",
    "scores.png": "Histogram of the scores of genuine clips and of fakes",
}
CODEC_HEADINGS = ("condition", "AUC", "drop", "PSNR, dB", "not scored")


def render_run_page(
    title: str,
    evaluation: Evaluation,
    plots: Path,
    robustness: RobustnessReport,
    codecs: CodecReport,
    gates: GateReport,
) -> str:
    """Return the page, which loads no other file.

    Args:
        plots: Folder with the pictures of ``CURVES``; one that is missing is left out.
    """
    sections = {
        "Scores": _scores(evaluation),
        "Curves": _curves(plots),
        "Gates": gate_report.render_body(gates),
        "Attacks": robustness_page.render_body(robustness),
        "Codecs": _codecs(codecs),
    }
    links = "".join(f'<a href="#{name.lower()}">{name}</a>' for name in sections)
    body = "".join(
        f'<section id="{name.lower()}"><h2>{name}</h2>{content}</section>'
        for name, content in sections.items()
    )
    name = html.escape(title)
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width">'
        f"<title>{name}</title><style>{STYLE}</style></head><body><main><h1>{name}</h1>"
        f"<p>Gates: {gates.outcome}.</p><nav>{links}</nav>{body}</main></body></html>\n"
    )


def _scores(evaluation: Evaluation) -> str:
    counts = (
        f"<p>Split {evaluation.split}: {evaluation.fakes} fakes and {evaluation.reals} genuine "
        f"clips of {evaluation.identities} people. Intervals: {evaluation.confidence:.0%}.</p>"
    )
    shortage = f"<p>{html.escape(evaluation.shortage)}</p>" if evaluation.shortage else ""
    return f"{counts}{shortage}{_table(METRIC_HEADINGS, list_metrics(evaluation))}"


def _curves(plots: Path) -> str:
    figures = []
    for name, caption in CURVES.items():
        if not (file := plots / name).is_file():
            continue
        data = base64.b64encode(file.read_bytes()).decode("ascii")
        figures.append(
            f'<figure><img src="data:image/png;base64,{data}" alt="{caption}">'
            f"<figcaption>{caption}</figcaption></figure>"
        )
    return "".join(figures)


def _codecs(report: CodecReport) -> str:
    rows = [
        (
            row.condition,
            row.auc.format(),
            row.drop.format("+"),
            "" if row.psnr_db is None else f"{row.psnr_db:.1f}",
            str(row.lost),
        )
        for row in report.rows
    ]
    original = report.original.format() if report.original else "not measured"
    notes = "".join(f"<p>{html.escape(note)}</p>" for note in report.notes)
    lead = f"<p>{report.clips} clips of split {report.split}; AUC of the files: {original}.</p>"
    return f"{lead}{_table(CODEC_HEADINGS, rows)}{notes}"


def _table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    head = "".join(f'<th scope="col">{heading}</th>' for heading in headings)
    body = "".join(
        f"<tr>{''.join(f'<td>{html.escape(cell)}</td>' for cell in row)}</tr>" for row in rows
    )
    return f"<table><tr>{head}</tr>{body}</table>"
