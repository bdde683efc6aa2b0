"""Scores of a split with every output that is calibrated, and what was promised for them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from unmask.data.splits import select_split
from unmask.data.torch.evaluation_set import FeatureLoader
from unmask.evaluation.output_calibration import LabelledOutput
from unmask.models.bundle import Bundle
from unmask.models.calibration.platt import ConformalGuarantee
from unmask.records import Clip, ScoreRow
from unmask.training.calibration.output_scales import label_outputs
from unmask.training.score_clips import score_clip_people, to_score_row
from unmask.training.scored_clip import ScoredClip

OF_TIMES = ("frame", "second")  # the score table has the other outputs


@dataclass(frozen=True, slots=True)
class SplitScores:
    """Scores of one split.

    Attributes:
        scored: The clips that could be scored.
        outputs: Scores of frames, and of seconds of the voice.
        guarantee: Error rates that the bundle promises.
    """

    scored: tuple[ScoredClip, ...]
    rows: tuple[ScoreRow, ...]
    outputs: Mapping[str, LabelledOutput]
    guarantee: ConformalGuarantee


def score_split_outputs(
    bundle: Bundle, clips: Sequence[Clip], split: str, load: FeatureLoader
) -> SplitScores:
    """Score the clips of one split.

    Args:
        load: Loads the features of a clip with the bundle's preprocessing.

    Raises:
        DataError: The split is empty, or none of its clips could be scored.
    """
    scored = score_clip_people(bundle, select_split(clips, split), load)
    outputs = label_outputs(scored, bundle.preprocessing.sampling.rate_hz, by_second=True)
    return SplitScores(
        scored=scored,
        rows=tuple(to_score_row(clip, bundle) for clip in scored),
        outputs={name: outputs[name] for name in OF_TIMES if name in outputs},
        guarantee=bundle.calibration.guarantee,
    )
