"""The champion beside a candidate."""

from pathlib import Path

from steps.platforms.materializers import hash_folder
from steps.platforms.paths import CACHE
from unmask.evaluation.evaluate import Evaluation
from unmask.preprocessing.cache import Cache
from unmask.records import Clip
from unmask.training.score_clips import ChampionScore, score_champion


def score(
    champion: Path, bundle: Path, evaluation: Evaluation, clips: tuple[Clip, ...]
) -> ChampionScore:
    """AUC of the champion on the test clips, with its own preprocessing.

    Args:
        champion: Its bundle; an empty folder where there is none.
        bundle, evaluation: The candidate; a champion that is the candidate is not scored twice.
    """
    if hash_folder(champion) == hash_folder(bundle):
        return ChampionScore(evaluation.auc)
    return score_champion(champion, clips, Cache(CACHE))
