"""AUC of the current champion on the candidate's test clips."""

from pathlib import Path
from typing import Annotated

from zenml import step

from steps.platforms.cache_keys import EVALUATION_POLICY
from steps.platforms.materializers import hash_folder
from steps.platforms.paths import CACHE
from unmask.evaluation.evaluate import Evaluation
from unmask.preprocessing.cache import Cache
from unmask.records import Clip
from unmask.training.score_clips import ChampionScore, score_champion


@step(cache_policy=EVALUATION_POLICY)
def evaluate_champion(
    champion: Path, bundle: Path, evaluation: Evaluation, clips: tuple[Clip, ...]
) -> Annotated[ChampionScore, "champion_score"]:
    """Score the champion with its own preprocessing; an empty folder has no score.

    A champion that is the candidate itself has the candidate's AUC and is not scored again.
    """
    if hash_folder(champion) == hash_folder(bundle):
        return ChampionScore(evaluation.auc)
    return score_champion(champion, clips, Cache(CACHE))
