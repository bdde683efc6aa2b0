"""What the authors of a published data set say about it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from unmask.errors import DataError

Role = Literal["train", "test", "both"]
DEEPFAKEBENCH_FRAMES = 32  # per video; Yan et al., NeurIPS 2023, preprocessing/config.yaml


@dataclass(frozen=True, slots=True)
class Protocol:
    """Facts about one data set.

    Attributes:
        name: As in the column ``source`` of a manifest.
        citation: Authors, venue and year.
        layout: Files and folders by which the set is recognised.
        splits: Which clips are train, val and test.
        labels: Label words of the authors, and whether they mean a fake.
        licence: Terms of use.
        compressions: Levels or codecs that the layout or a column names.
        frames: Frames per video of the usual evaluation; ``None`` if no number is usual.
        role: What the set is commonly used for.
    """

    name: str
    citation: str
    layout: str
    splits: str
    labels: Mapping[str, bool]
    licence: str
    compressions: tuple[str, ...] = ()
    frames: int | None = None
    role: Role = "both"

    def __post_init__(self) -> None:
        """Refuse labels without a word for a fake."""
        if not any(self.labels.values()):
            raise DataError(f"{self.name}: no label word means a fake; correct the labels")
