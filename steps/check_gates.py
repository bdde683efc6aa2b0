"""Whether a detector is good enough."""

from typing import Annotated

from zenml import step
from zenml.config.cache_policy import CachePolicy

from steps.platforms.cache_keys import evaluation_code
from unmask.config import GateSettings
from unmask.evaluation import gates
from unmask.evaluation.evaluate import Evaluation
from unmask.robustness.adversarial_report import RobustnessReport
from unmask.robustness.codec_report import CodecReport
from unmask.training.score_clips import ChampionScore


@step(cache_policy=CachePolicy(cache_func=evaluation_code))
def check_gates(
    evaluation: Evaluation,
    robustness: RobustnessReport,
    codecs: CodecReport,
    champion_score: ChampionScore,
    settings: GateSettings,
) -> Annotated[gates.GateReport, "gates"]:
    """Hold the measured numbers against the gates; the report decides, not this step."""
    drop, gap = robustness.gate_drop, codecs.gap
    return gates.check_gates(settings, evaluation, drop, champion_score.auc, gap)
