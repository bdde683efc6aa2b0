"""Release gates: what a detector has to reach on sources that it never saw, to give verdicts."""

from collections.abc import Iterator

from unmask.evaluation.family_rows import ALTERED_PICTURE, FamilyRow
from unmask.evaluation.generator_families import FACE_SWAP, LIP_SYNC, TALKING_HEAD, VOICE
from unmask.evaluation.held_out import HeldOutTable

MIN_AUC = {
    ALTERED_PICTURE: 0.70,
    LIP_SYNC: 0.65,
    FACE_SWAP: 0.85,
    TALKING_HEAD: 0.65,
    VOICE: 0.70,
}
SCORE = "clip"  # the one that a verdict follows from


def missed_gates(table: HeldOutTable) -> Iterator[str]:
    """Yield what was not reached, in words, for each family of fakes.

    The altered picture has also to be told better than by the facts of the files: the interval of
    its AUC by source lies above their AUC.
    """
    rows = {(row.family, row.score): row for row in table.families}
    for family, limit in MIN_AUC.items():
        row = rows.get((family, SCORE))
        if row is None:
            yield f"{family} not measured"
        elif row.auc.value < limit:
            yield f"{family}: AUC {row.auc.value:.2f}, required {limit:.2f}"
        elif family == ALTERED_PICTURE and not _is_clear_of_facts(row):
            yield f"{family}: AUC not clear of the {row.facts_auc.value:.2f} of the files' facts"


def _is_clear_of_facts(row: FamilyRow) -> bool:
    low = row.auc.by_source.low
    return low is not None and low > row.facts_auc.value
