"""AUC of a detector under adversarial attack."""

from pathlib import Path
from typing import Annotated

from zenml import step

from steps.platforms.cache_keys import EVALUATION_POLICY
from steps.platforms.paths import CACHE
from unmask.config import AttackSettings
from unmask.data.torch.evaluation_set import make_feature_loader
from unmask.models.bundle import load_bundle
from unmask.preprocessing.cache import Cache
from unmask.records import Clip
from unmask.robustness.adversarial_evaluation import evaluate_under_attack
from unmask.robustness.adversarial_report import RobustnessReport


@step(cache_policy=EVALUATION_POLICY)
def evaluate_robustness(
    bundle: Path, clips: tuple[Clip, ...], settings: AttackSettings
) -> Annotated[RobustnessReport, "robustness"]:
    """Perturb the test clips against the detector (FGSM, PGD), and score them again."""
    loaded = load_bundle(bundle)
    load = make_feature_loader(loaded.preprocessing, Cache(CACHE))
    return evaluate_under_attack(loaded, clips, load, settings)
