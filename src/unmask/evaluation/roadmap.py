"""The roadmap's targets for a detector, which are gates of profile `full`."""

from collections.abc import Mapping
from dataclasses import replace

from unmask.config import GateSettings
from unmask.evaluation.baseline_comparison import BaselineComparison
from unmask.evaluation.evaluate import Evaluation
from unmask.evaluation.gates import (
    AT_SOURCE,
    GateReport,
    GateResult,
    Reading,
    check_gates,
    list_gates,
)
from unmask.evaluation.intervals import Estimate

PROFILE = "full"  # its gates have the roadmap's limits
TITLES = {
    "auc@": "AUC on {}",
    "fpr95@": "FPR at 95 % TPR on {}",
    "cross_dataset_auc": "cross-dataset AUC, mean over the sets",
    "ece": "ECE",
    "codec_gap": "difference of AUC under H.264 and H.265",
    "fgsm_drop": "AUC lost to FGSM on frames, worst budget up to ε = 0.05",
}
HEADINGS = ("target", "limit", "measured", "verdict")


def describe_target(name: str) -> str | None:
    """Return the title of a gate that is a target of the roadmap; ``None`` for other gates.

    Example:
        >>> describe_target("auc@celebdf")
        'AUC on celebdf'
        >>> describe_target("baseline_drop") is None
        True
    """
    metric, at_source, source = name.partition(AT_SOURCE)
    title = TITLES.get(metric + at_source)
    return None if title is None else title.format(source)


def add_targets(
    report: GateReport,
    targets: GateSettings,
    evaluation: Evaluation,
    fgsm_auc_drop: float | None,
    codec_auc_gap: Reading | float | None,
) -> GateReport:
    """Compare the numbers of a gate report with the roadmap's targets as well.

    Args:
        targets: Gates of profile ``full`` of the phase, whatever the candidate's own profile.
        evaluation, fgsm_auc_drop, codec_auc_gap: See :func:`unmask.evaluation.gates.check_gates`.
    """
    checked = check_gates(targets, evaluation, fgsm_auc_drop, BaselineComparison(), codec_auc_gap)
    rows = (row for row in checked.rows if describe_target(row.name) is not None)
    return replace(report, targets=tuple(rows))


def list_cells(row: GateResult) -> tuple[str, str, str, str]:
    """Return title, limit, measured value and verdict of a target, see ``HEADINGS``."""
    title = describe_target(row.name) or row.name
    limit = f"{row.direction} {row.limit:g}"
    if row.value is None:
        return title, limit, "", row.message.partition("; ")[0].replace(f"{row.name} was ", "", 1)
    has_interval = row.low is not None
    estimate = Estimate(row.value, row.low, row.high)
    measured = estimate.format() if has_interval else f"{row.value:.3f}"
    return title, limit, measured, row.verdict


def to_markdown(gates: Mapping[int, GateSettings]) -> str:
    """Return the roadmap's targets as a Markdown table, with a column for each phase.

    Args:
        gates: Gates of profile ``full`` by phase.
    """
    limits: dict[str, dict[int, str]] = {}
    for phase, settings in gates.items():
        for name, gate, direction in list_gates(settings):
            if describe_target(name) is not None:
                cell = f"{direction} {gate.limit:g}, {gate.level}"
                limits.setdefault(name, {})[phase] = cell
    lines = ["| target | gate | " + " | ".join(f"phase {phase}" for phase in gates) + " |"]
    lines += ["|" + " --- |" * (len(gates) + 2)]
    lines += [
        f"| {describe_target(name)} | `{name}` | "
        + " | ".join(cells.get(phase, "–") for phase in gates)
        + " |"
        for name, cells in limits.items()
    ]
    return "\n".join(lines)
