"""AUC of a detector under adversarial attack."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

from zenml import step

from steps.platforms.cache_keys import EVALUATION_POLICY
from steps.platforms.paths import CACHE
from unmask.config import AttackSettings, EvaluationSettings
from unmask.data.test_sets import list_left_out, select_headline_clips
from unmask.data.torch.evaluation_set import make_feature_loader
from unmask.models.device_placement import load_on_accelerator
from unmask.preprocessing.cache import Cache
from unmask.records import Clip
from unmask.robustness.adversarial_evaluation import evaluate_under_attack
from unmask.robustness.adversarial_report import RobustnessReport
from unmask.robustness.attack_flag import measure_attack_flag
from unmask.robustness.transmitted_evaluation import evaluate_transmitted


@step(cache_policy=EVALUATION_POLICY)
def evaluate_robustness(
    bundle: Path,
    clips: tuple[Clip, ...],
    settings: AttackSettings,
    evaluation: EvaluationSettings,
    seed: int,
) -> Annotated[RobustnessReport, "robustness"]:
    """Perturb the test clips against the detector, in part through H.264; score them again."""
    loaded = load_on_accelerator(bundle)
    test = select_headline_clips(clips)
    load = make_feature_loader(loaded.preprocessing, Cache(CACHE), test)
    report = evaluate_under_attack(loaded, test, load, settings)
    flag = measure_attack_flag(loaded, clips, load)
    report = replace(report, left_out=list_left_out(clips), flag=flag)
    if not settings.transmitted.enabled:
        return report
    transmitted = evaluate_transmitted(loaded, test, load, settings.transmitted, evaluation, seed)
    return replace(report, transmitted=transmitted)
