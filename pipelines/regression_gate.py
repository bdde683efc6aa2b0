"""The regression gate of a CI: a registered detector is held against its phase's gates."""

from zenml import pipeline

from steps.check_gates import check_gates
from steps.enforce_gates import enforce_gates
from steps.evaluate_champion import evaluate_champion
from steps.evaluate_codecs import measure_codecs
from steps.evaluate_detector import evaluate_detector
from steps.evaluate_robustness import attack_detector
from steps.fetch_champion import fetch_champion
from steps.ingest_data import ingest_data
from steps.platforms.paths import PARAMS
from unmask.config import load_settings


@pipeline(enable_cache=True)
def regression_gate(phase: int = 1, profile: str = "demo", version: str = "") -> None:
    """Measure a registered detector on the pinned test set; fail where a gate falls short.

    Args:
        version: Of the registered model; the champion if empty.
    """
    settings = load_settings(PARAMS, phase, profile)
    clips, _ = ingest_data("", settings.seed, forge=False)
    bundle = fetch_champion(phase, version, needed=True, id="fetch_candidate")
    evaluation, _ = evaluate_detector(bundle, clips, settings.evaluation, settings.seed)
    robustness = attack_detector(bundle, clips, settings.attacks)
    champion = fetch_champion(phase)
    score = evaluate_champion(champion, bundle, evaluation, clips)
    codecs = measure_codecs(bundle, clips, settings.codecs, settings.evaluation, settings.seed)
    enforce_gates(check_gates(evaluation, robustness, codecs, score, settings.gates))
