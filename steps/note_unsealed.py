"""What the data of a run lack for a release."""

from typing import Annotated

from zenml import step

from steps.platforms.cache_keys import EVALUATION_POLICY
from unmask.config import GatePlan
from unmask.records import SEALED

NOTHING_SEALED = (
    "no clip is sealed, so that every test clip takes part in the choice of a detector; to keep "
    "clips for the release, train with --data NAME=FOLDER:sealed, or with data.sealed_share, which "
    "is 0 by default"
)


@step(cache_policy=EVALUATION_POLICY)
def note_unsealed(plan: GatePlan, data_version: str) -> Annotated[GatePlan, "plan"]:
    """Add a note to a plan that expects sealed clips, where the data have none."""
    is_sealed = f" {SEALED}:" in data_version
    return plan if is_sealed or not plan.expects_sealed else plan.replace(notes=(NOTHING_SEALED,))
