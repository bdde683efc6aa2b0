"""Cross-dataset evaluation: metrics of a frozen detector on data sets that it was not trained on.

Each data set is measured as a whole, and per source, kind of manipulation and compression level.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from unmask.config import EvaluationSettings
from unmask.evaluation.bootstrap import Resampling, resample_metrics
from unmask.evaluation.intervals import Estimate, estimate_from_resamples
from unmask.evaluation.measurement import LabelledScores, Measurement, measure
from unmask.evaluation.metrics import Labels, Scores, roc_auc
from unmask.evaluation.output_calibration import at_own_share
from unmask.evaluation.resampled_metrics import resampled_aucs
from unmask.evaluation.slices import SliceKind, list_slices
from unmask.records import ScoreRow


@dataclass(frozen=True, slots=True)
class ScoredFrames:
    """Scores of the frames of one clip in which a face is seen; each array: ``(frames,)``.

    Attributes:
        probabilities: Fake probability of the face, the highest where several are seen.
        called_fake: Whether it is above the bundle's threshold of frames.
        is_fake: Label of the frame.
    """

    probabilities: Scores
    called_fake: Labels
    is_fake: Labels


@dataclass(frozen=True, slots=True)
class ScoredVideo:
    """Scores of a clip and of its frames.

    Attributes:
        called_fake: Whether the clip's probability is above the bundle's threshold.
    """

    row: ScoreRow
    called_fake: bool
    frames: ScoredFrames


@dataclass(frozen=True, slots=True)
class DatasetScores:
    """Scores of one data set.

    Attributes:
        name: Name that the user gave the data set.
        clips: Number of test clips, scored or not.
        problems: ``clip_id``, or path of a file that cannot be opened, to the reason why it could
            not be scored.
        is_unseen: Whether the detector was not trained on the data set, by what is known of it.
    """

    name: str
    clips: int
    videos: tuple[ScoredVideo, ...]
    problems: Mapping[str, str] = field(default_factory=dict)
    is_unseen: bool = True


@dataclass(frozen=True, slots=True)
class Slice:
    """Metrics of a part of a data set.

    Attributes:
        kind, name: See :func:`unmask.evaluation.slices.list_slices`.
    """

    kind: SliceKind
    name: str
    video: Measurement
    frame: Measurement


@dataclass(frozen=True, slots=True)
class DatasetReport:
    """Metrics of one data set; other attributes as in :class:`DatasetScores`.

    Attributes:
        slices: The whole data set first.
    """

    name: str
    clips: int
    problems: Mapping[str, str]
    slices: tuple[Slice, ...]
    is_unseen: bool = True

    @property
    def whole(self) -> Slice:
        """Slice with all clips."""
        return self.slices[0]


@dataclass(frozen=True, slots=True)
class CrossEvaluation:
    """Metrics of one bundle on several data sets.

    Attributes:
        bundle: SHA-256 of the bundle.
        frames: Frames scored per clip; 0 where clips were scored as in serving.
        confidence: Level of every interval, in ``(0, 1)``.
        bins: Number of bins of the calibration error.
        thresholds: The bundle's own, above which a ``clip``, a ``clip_without_lip_sync`` or a
            ``frame`` is called fake; 1 where the bundle calls none so.
        mean_auc: Mean of the video-level AUCs of the unseen data sets that have one, each with the
            same weight; ``None`` where none has.
        notes: Data sets that the detector was trained on, and its components that its training
            clips could not teach, one sentence each. Empty in files of before version 0.3.
    """

    bundle: str
    frames: int
    confidence: float
    bins: int
    datasets: tuple[DatasetReport, ...]
    thresholds: Mapping[str, float] = field(default_factory=dict)
    mean_auc: Estimate | None = None
    notes: tuple[str, ...] = ()

    def get_slice(self, name: str) -> Slice | None:
        """Return the slice with all clips of a data set; ``None`` where it is not given."""
        return next((each.whole for each in self.datasets if each.name == name), None)

    def list_levels(self, name: str) -> tuple[str, ...]:
        """Return the compression levels of a data set; none where it is not given."""
        slices = [part for each in self.datasets if each.name == name for part in each.slices]
        return tuple(part.name for part in slices if part.kind == "compression")

    def to_metrics(self) -> dict[str, float]:
        """Return all numbers under flat keys, for gates and tracking servers.

        Keys: ``auc@celebdf`` for video-level and ``frame_auc@celebdf`` for frame-level metrics,
        the counts ``clips@celebdf``, ``unscored@celebdf`` and so on, the metrics of each slice,
        such as ``auc@celebdf/manipulation/faceswap``, and ``cross_dataset_auc`` for ``mean_auc``.
        Estimates have keys with ``_low`` and ``_high`` before the ``@``, too.
        """
        mean = self.mean_auc
        values = {} if mean is None else mean.to_metrics("cross_dataset_auc")
        for dataset in self.datasets:
            values |= _counts(dataset)
            for part in dataset.slices:
                place = dataset.name
                place += "" if part.kind == "all" else f"/{part.kind}/{part.name}"
                values |= _at(place, "", part.video.metrics)
                values |= _at(place, "frame_", part.frame.metrics)
        return values


def evaluate_datasets(
    scored: Sequence[DatasetScores],
    settings: EvaluationSettings,
    seed: int,
    bundle: str = "",
    frames: int = 0,
    thresholds: Mapping[str, float] | None = None,
) -> CrossEvaluation:
    """Compute the metrics of all data sets and of their slices.

    Args:
        seed: Seed of the resampling.
        bundle, frames, thresholds: See :class:`CrossEvaluation`.

    Raises:
        DataError: A score is not finite.
    """
    reports = tuple(_evaluate_dataset(dataset, settings, seed) for dataset in scored)
    levels = settings.confidence, settings.bins
    mean = _mean_auc(scored, settings, seed)
    return CrossEvaluation(bundle, frames, *levels, reports, thresholds or {}, mean)


def _mean_auc(
    scored: Sequence[DatasetScores], settings: EvaluationSettings, seed: int
) -> Estimate | None:
    """Return the mean of the unseen data sets' AUCs, whose identities are resampled set by set."""
    sets = [_clip_scores(dataset.videos) for dataset in scored if dataset.is_unseen]
    sets = [items for items in sets if items.is_fake.any() and not items.is_fake.all()]
    if not sets:
        return None
    resampling = Resampling(np.random.default_rng(seed), settings.resamples, settings.confidence)
    arrays = [_resampled_aucs(items, resampling) for items in sets]
    known = [aucs for aucs in arrays if aucs is not None]
    return estimate_from_resamples(
        float(np.mean([roc_auc(items.scores, items.is_fake) for items in sets])),
        np.mean(known, axis=0) if len(known) == len(arrays) else None,
        settings.confidence,
    )


def _resampled_aucs(items: LabelledScores, resampling: Resampling) -> Scores | None:
    arrays = resample_metrics(
        lambda counts: {"auc": resampled_aucs(items.scores, items.is_fake, counts)},
        items.is_fake,
        items.identities.tolist(),
        resampling,
    )
    return None if arrays is None else arrays["auc"]


def _evaluate_dataset(
    scored: DatasetScores, settings: EvaluationSettings, seed: int
) -> DatasetReport:
    measured: dict[tuple[int, ...], tuple[Measurement, Measurement]] = {}
    slices = []
    for part in list_slices([video.row for video in scored.videos]):
        if part.indices not in measured:  # a data set with a single source is measured once
            videos = [scored.videos[index] for index in part.indices]
            measured[part.indices] = (
                measure(_clip_scores(videos), "clips", settings, seed),
                measure(_frame_scores(videos), "frames", settings, seed),
            )
        slices.append(Slice(part.kind, part.name, *measured[part.indices]))
    counts = scored.name, scored.clips, scored.problems
    return DatasetReport(*counts, tuple(slices), scored.is_unseen)


def _clip_scores(videos: Sequence[ScoredVideo]) -> LabelledScores:
    probabilities = np.array([video.row.probability for video in videos], np.float64)
    is_fake = np.array([video.row.is_fake for video in videos], np.bool_)
    return LabelledScores(
        scores=np.array([video.row.logit for video in videos], np.float64),
        probabilities=at_own_share(probabilities, is_fake, _prevalence(videos)),
        called_fake=np.array([video.called_fake for video in videos], np.bool_),
        is_fake=is_fake,
        identities=np.array([video.row.identity for video in videos], np.str_),
    )


def _frame_scores(videos: Sequence[ScoredVideo]) -> LabelledScores:
    empty = ScoredFrames(np.zeros(0), np.zeros(0, np.bool_), np.zeros(0, np.bool_))
    frames = [empty, *(video.frames for video in videos)]
    probabilities = np.concatenate([each.probabilities for each in frames])
    is_fake = np.concatenate([each.is_fake for each in frames])
    return LabelledScores(
        scores=probabilities,
        probabilities=at_own_share(probabilities, is_fake, _prevalence(videos)),
        called_fake=np.concatenate([each.called_fake for each in frames]),
        is_fake=is_fake,
        identities=np.repeat(
            np.array([video.row.identity for video in videos], np.str_),
            [len(video.frames.is_fake) for video in videos],
        ),
    )


def _prevalence(videos: Sequence[ScoredVideo]) -> float | None:
    return videos[0].row.prevalence if videos else None


def _counts(dataset: DatasetReport) -> dict[str, float]:
    video, frame = dataset.whole.video, dataset.whole.frame
    counts = {
        "clips": dataset.clips,
        "unscored": len(dataset.problems),
        "fakes": video.fakes,
        "reals": video.reals,
        "identities": video.identities,
        "frames": frame.count,
    }
    return {f"{name}@{dataset.name}": float(count) for name, count in counts.items()}


def _at(place: str, prefix: str, metrics: Mapping[str, Estimate]) -> dict[str, float]:
    return {
        f"{prefix}{key}@{place}": value
        for name, estimate in metrics.items()
        for key, value in estimate.to_metrics(name).items()
    }
