"""How good the champion is on the same fresh test clips as the candidate."""

from pathlib import Path
from typing import Annotated

from zenml import step
from zenml.config.cache_policy import CachePolicy

from steps.platforms import champion_scores
from steps.platforms.cache_keys import evaluation_code
from unmask.evaluation.evaluate import Evaluation
from unmask.records import Clip
from unmask.training.score_clips import ChampionScore


@step(cache_policy=CachePolicy(cache_func=evaluation_code))
def evaluate_champion(
    champion: Path, bundle: Path, evaluation: Evaluation, clips: tuple[Clip, ...]
) -> Annotated[ChampionScore, "champion_score"]:
    """Score the champion; nothing is invented where there is none."""
    return champion_scores.score(champion, bundle, evaluation, clips)
