"""AUC of a part of the clips, or why it was not measured."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import AliasChoices, Field

from unmask.evaluation.intervals import Estimate


@dataclass(frozen=True, slots=True)
class AucEstimate(Estimate):
    """AUC of some fakes against genuine clips.

    Attributes:
        value: The AUC; stored under the key ``auc``.
        fakes, reals: Number of clips of each class.
    """

    value: Annotated[
        float, Field(validation_alias=AliasChoices("auc", "value"), serialization_alias="auc")
    ]
    fakes: int
    reals: int


@dataclass(frozen=True, slots=True)
class UnmeasuredAuc:
    """Clips of one class alone, which have no AUC.

    Attributes:
        fakes, reals: Number of clips of each class.
        not_measured: The reason.
        auc: Stored beside those that were measured.
    """

    fakes: int
    reals: int
    not_measured: str
    auc: None = None

    def to_metrics(self, name: str) -> dict[str, float]:
        """Return nothing, see :meth:`unmask.evaluation.intervals.Estimate.to_metrics`."""
        return {}
