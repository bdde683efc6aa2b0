"""Quality gates."""

from typing import Annotated

from zenml import step

from steps.platforms.cache_keys import EVALUATION_POLICY
from unmask.config import GateSettings
from unmask.evaluation import gates
from unmask.evaluation.evaluate import Evaluation
from unmask.robustness.adversarial_report import RobustnessReport
from unmask.robustness.codec_report import CodecReport
from unmask.training.score_clips import ChampionScore


@step(cache_policy=EVALUATION_POLICY)
def check_gates(
    evaluation: Evaluation,
    robustness: RobustnessReport,
    codecs: CodecReport,
    champion_score: ChampionScore,
    settings: GateSettings,
) -> Annotated[gates.GateReport, "gates"]:
    """Compare the measured numbers with the gates; a gate that is missed does not fail here."""
    drop, gap = robustness.gate_drop, codecs.gap
    return gates.check_gates(settings, evaluation, drop, champion_score.auc, gap)
