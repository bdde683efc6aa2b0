"""What a reader of the gates must know about the data of a run."""

from typing import Annotated

from zenml import step

from steps.platforms.cache_keys import EVALUATION_POLICY
from unmask.config import GatePlan
from unmask.data.test_sets import describe_renamed_sets
from unmask.records import SEALED, Clip

NOTHING_SEALED = (
    "no clip is sealed, so that every test clip takes part in the choice of a detector; to keep "
    "clips for the release, train with --data NAME=FOLDER:sealed, or with data.sealed_share, which "
    "is 0 by default"
)


@step(cache_policy=EVALUATION_POLICY)
def note_data(
    plan: GatePlan, data_version: str, clips: tuple[Clip, ...]
) -> Annotated[GatePlan, "plan"]:
    """Add notes to a plan: on sets of two names, and where it expects sealed clips in vain."""
    is_sealed = f" {SEALED}:" in data_version
    unsealed = (NOTHING_SEALED,) if plan.expects_sealed and not is_sealed else ()
    return plan.replace(notes=(*plan.notes, *describe_renamed_sets(clips), *unsealed))
