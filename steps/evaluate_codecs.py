"""AUC and verdicts of a detector after re-encoding the test clips."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

from zenml import step

from steps.platforms.cache_keys import EVALUATION_POLICY
from steps.platforms.paths import CACHE
from unmask.config import CodecSettings, EvaluationSettings
from unmask.models.device_placement import load_on_accelerator
from unmask.preprocessing.cache import Cache
from unmask.records import Clip
from unmask.robustness import codec_evaluation
from unmask.robustness.codec_report import CodecReport
from unmask.training.condition_verdicts import measure_conditions


@step(cache_policy=EVALUATION_POLICY)
def evaluate_codecs(
    bundle: Path,
    clips: tuple[Clip, ...],
    settings: CodecSettings,
    evaluation: EvaluationSettings,
    seed: int,
) -> Annotated[CodecReport, "codecs"]:
    """Re-encode the test clips under every codec condition of the phase, and score them."""
    detector, cache = load_on_accelerator(bundle), Cache(CACHE)
    report = codec_evaluation.evaluate_codecs(detector, clips, cache, settings, evaluation, seed)
    verdicts = measure_conditions(detector, clips, cache, settings, evaluation)
    return replace(report, verdicts=verdicts)
