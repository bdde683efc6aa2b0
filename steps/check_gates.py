"""Quality gates."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

from zenml import step

from steps.platforms.cache_keys import EVALUATION_POLICY
from unmask.config import GatePlan
from unmask.evaluation import gates
from unmask.evaluation.baseline_comparison import BaselineComparison
from unmask.evaluation.evaluate import Evaluation
from unmask.evaluation.roadmap import add_targets
from unmask.models.bundle_metadata import read_untrained
from unmask.models.scoring_bundle import untrained_notes
from unmask.robustness.adversarial_report import RobustnessReport
from unmask.robustness.codec_report import CodecReport


@step(cache_policy=EVALUATION_POLICY)
def check_gates(
    bundle: Path,
    evaluation: Evaluation,
    robustness: RobustnessReport,
    codecs: CodecReport,
    baseline: BaselineComparison,
    plan: GatePlan,
) -> Annotated[gates.GateReport, "gates"]:
    """Compare the measured numbers with the gates; a gate that is missed does not fail here."""
    drop, gap, sent = robustness.gate_drop, codecs.to_gate(), robustness.transmitted
    transmitted = None if sent is None else sent.to_gate()
    report = gates.check_gates(plan.gates, evaluation, drop, baseline, gap, transmitted)
    report = add_targets(report, plan.targets, evaluation, drop, gap)
    untrained = untrained_notes(read_untrained(bundle))
    skipped = *robustness.notes, *codecs.notes
    measured = *gates.headline_notes(evaluation), *gates.unmeasured_notes(evaluation)
    notes = (*untrained, *skipped, *measured, *plan.notes)
    return replace(report, notes=notes, conditions=codecs.verdicts, attack_flag=robustness.flag)
