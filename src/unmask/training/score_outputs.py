"""Scores of a split with every output that is calibrated, and what was promised for them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from unmask.data.splits import select_split
from unmask.data.torch.evaluation_set import make_feature_loader
from unmask.evaluation.output_calibration import LabelledOutput
from unmask.models.calibration.platt import ConformalGuarantee
from unmask.models.device_placement import load_on_accelerator
from unmask.preprocessing.cache import Cache
from unmask.records import Clip, ScoreRow
from unmask.training.calibration.output_scales import label_outputs
from unmask.training.score_clips import score_clip_people, to_score_row

OF_TIMES = ("frame", "second")  # the score table has the other outputs


@dataclass(frozen=True, slots=True)
class SplitScores:
    """Scores of one split.

    Attributes:
        outputs: Scores of frames, and of seconds of the voice.
        guarantee: Error rates that the bundle promises.
    """

    rows: tuple[ScoreRow, ...]
    outputs: Mapping[str, LabelledOutput]
    guarantee: ConformalGuarantee


def score_split_outputs(
    bundle: Path, clips: Sequence[Clip], split: str, cache: Cache | None
) -> SplitScores:
    """Score the clips of one split with the bundle stored in a directory.

    Raises:
        DataError: The split is empty, or none of its clips could be scored.
    """
    subset, loaded = select_split(clips, split), load_on_accelerator(bundle)
    load = make_feature_loader(loaded.preprocessing, cache, subset)
    scored = score_clip_people(loaded, subset, load)
    outputs = label_outputs(scored, loaded.preprocessing.sampling.rate_hz, by_second=True)
    return SplitScores(
        rows=tuple(to_score_row(clip, loaded) for clip in scored),
        outputs={name: outputs[name] for name in OF_TIMES if name in outputs},
        guarantee=loaded.calibration.guarantee,
    )
