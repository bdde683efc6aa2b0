"""Model card as Markdown (Mitchell et al., "Model Cards for Model Reporting", 2019)."""

from collections.abc import Iterable, Iterator

from unmask.models.scoring_bundle import DEMO_PROFILE
from unmask.serving.report.model_card import Model, ReportedGate, ReportedGuarantee

INTENDED_USE = """\
- **Use**: evidence for a person who decides whether a video of a talking person is genuine.
- **Users**: researchers, developers and analysts who know the limits below.
- **Not for**: measures against a person because of a score alone; proof that a video is genuine;
  footage unlike the training data."""

DEMO_LIMITS = """\
- Trained on synthetic people, all made from two portraits: it judges footage like its calibration
  clips alone.
"""

LIMITS = """\
- Not robust against an adversary; see the gates `transmitted_drop` (who uploads a file) and
  `fgsm_drop` (who sets the pixels of the aligned faces).
- People unlike those of the training data may be classified less accurately; this is not measured.
- A low score does not show that a video is genuine."""


def to_markdown(model: Model) -> str:
    """Return the model card of a detector as a Markdown page."""
    demo = DEMO_LIMITS if model.profile == DEMO_PROFILE else ""
    sections = (
        ("Model", _bullets(_details(model))),
        ("Intended use", INTENDED_USE),
        ("Measured at promotion", _gate_table(model.gates)),
        *([("Coverage", _bullets(model.coverage.messages))] if model.coverage else []),
        *([("Left out", _bullets(model.notes))] if model.notes else []),
        ("Verdict and guarantee", _bullets(_verdict(model))),
        ("Limits", demo + LIMITS),
    )
    body = "\n\n".join(f"## {title}\n\n{text}" for title, text in sections)
    return f"# Model card\n\nWritten by `unmask model-card` from the bundle.\n\n{body}\n"


def _details(model: Model) -> Iterator[str]:
    yield f"Audio-visual deepfake detector, phase {model.phase}, profile `{model.profile}`"
    yield f"Frame encoder `{model.frame_backbone}`, voice encoder `{model.voice_backbone}`"
    yield f"Detectors in the ensemble: {model.members}; MC-dropout passes: {model.passes}"
    yield f"Weight of lip-sync in the score: {model.sync_weight:.2f}"
    yield f"Bundle SHA-256 `{model.sha256}`"


def _verdict(model: Model) -> Iterator[str]:
    yield (
        f"`real` below {model.real_below:.3f}, `fake` above {model.fake_above:.3f}, "
        "`inconclusive` between"
    )
    if model.prevalence is not None:
        yield (
            f"Probabilities are stated for footage of which {model.prevalence:.0%} is forged; "
            "verdicts do not depend on that"
        )
    yield f"Platt scaling: temperature {model.temperature:.3f}, bias {model.bias:.3f}"
    if model.promise is None:
        yield "No conformal guarantee: there were no calibration clips"
        return
    guarantee = model.promise
    yield (
        f"Conformal guarantee from {guarantee.real_clips} genuine and {guarantee.fake_clips} fake "
        f"calibration clips of {guarantee.people} people: of clips of {_who(guarantee)}, at most "
        f"{guarantee.fpr:.0%} of the genuine are called fake and {guarantee.fnr:.0%} of the fakes "
        "real, on average"
    )
    if model.measured is not None:
        yield f"Measured: {model.measured.describe()}"
    yield guarantee.describe_limits().removesuffix(".")


def _who(guarantee: ReportedGuarantee) -> str:
    return f"{'new ' if guarantee.by_person else ''}people drawn in the same way"


def _gate_table(gates: Iterable[ReportedGate]) -> str:
    rows = [
        f"| `{gate.name}` | {_number(gate.value)} | {gate.direction} {gate.limit:g} "
        f"| {gate.level} | {gate.verdict} |"
        for gate in gates
    ]
    if not rows:
        return "No gates: no training pipeline promoted this bundle."
    return "\n".join(
        ("| metric | value | limit | level | verdict |", "|---|---|---|---|---|", *rows)
    )


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"


def _bullets(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)
