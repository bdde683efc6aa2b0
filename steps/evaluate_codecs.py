"""How much of a detector's skill survives another encode."""

from pathlib import Path
from typing import Annotated

from zenml import step
from zenml.config.cache_policy import CachePolicy

from steps.platforms.cache_keys import evaluation_code
from steps.platforms.paths import CACHE
from unmask.config import CodecSettings, EvaluationSettings
from unmask.models.bundle import load_bundle
from unmask.preprocessing.cache import Cache
from unmask.records import Clip
from unmask.robustness.codec_evaluation import evaluate_codecs
from unmask.robustness.codec_report import CodecReport


@step(cache_policy=CachePolicy(cache_func=evaluation_code))
def measure_codecs(
    bundle: Path,
    clips: tuple[Clip, ...],
    settings: CodecSettings,
    evaluation: EvaluationSettings,
    seed: int,
) -> Annotated[CodecReport, "codecs"]:
    """Encode the test clips again in every cell that the phase asks for, and score them again."""
    return evaluate_codecs(load_bundle(bundle), clips, Cache(CACHE), settings, evaluation, seed)
