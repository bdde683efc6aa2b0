"""What the authors of a published data set say about it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from unmask.errors import DataError

Role = Literal["train", "test", "both"]
DEEPFAKEBENCH_FRAMES = 32  # per video; Yan et al., NeurIPS 2023, preprocessing/config.yaml
SELF_BLENDED_FRAMES = 32  # Shiohara & Yamasaki, CVPR 2022, src/inference/inference_dataset.py
ALL_TEST = "all test unless given role train"
# loaders of several data sets, by people who have them
DEEPFAKEBENCH = "https://github.com/SCLBD/DeepfakeBench (preprocessing/rearrange.py)"
DFDC_TERMS = "https://deepfakedetectionchallenge.ai/faqs (terms)"
SELF_BLENDED_IMAGES = "https://github.com/mapooon/SelfBlendedImages (src/inference/datasets.py)"
WORKBENCH = (
    "https://github.com/dfwb-research/deepfake-workbench "
    "(src/dfwb/preprocess/inventory/builders/{}.py)"
)
AUDDT = "https://github.com/MuSAELab/AUDDT (preprocessing/{}.py)"
WHISPER_FEATURES = "https://github.com/piotrkawa/deepfake-whisper-features (src/datasets/{}.py)"


@dataclass(frozen=True, slots=True)
class Protocol:
    """Facts about one data set.

    Attributes:
        name: As in the column ``source`` of a manifest.
        alias: What gates call it, and what ``--data`` calls its clips in a folder without a name;
            see :func:`unmask.data.datasets.source_names.use_aliases`.
        citation: Authors, venue and year.
        layout: Files and folders by which the set is recognised.
        splits: Which clips are train, val and test.
        labels: Label words of the authors, and whether they mean a fake.
        licence: Terms of use, as the authors call them where that is public.
        sources: Where layout, split rule, label words and terms are public: address, and files in
            brackets. The authors' own first; two where they can be had.
        compressions: Levels or codecs that the layout or a column names.
        frames: Frames per video of the usual evaluation; ``None`` if no number is usual.
        role: What the set is commonly used for. ``both`` means ``test`` in a set for testing.
        official_test: Whether the authors publish which clips are test clips; no other clip is one.
        suffix: Stands behind the name of a folder in which the set lies beside another one, to
            tell its clips from those of that set; see
            :func:`unmask.data.datasets.source_names.name_sources`.
    """

    name: str
    alias: str
    citation: str
    layout: str
    splits: str
    labels: Mapping[str, bool]
    licence: str
    sources: tuple[str, ...]
    compressions: tuple[str, ...] = ()
    frames: int | None = None
    role: Role = "both"
    official_test: bool = True
    suffix: str = ""

    def __post_init__(self) -> None:
        """Refuse labels without a word for a fake, and facts without a source."""
        if not any(self.labels.values()):
            raise DataError(f"{self.name}: no label word means a fake; correct the labels")
        if not self.sources:
            raise DataError(f"{self.name}: no source is stated; name the authors' page")
