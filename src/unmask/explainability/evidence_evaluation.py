"""Evaluation of evidence: whether heat maps and the importance of speech mean what they say.

On labelled clips: deletion and insertion beside random parts, the same with the genuine twin of a
fake, the pointing game against what was changed in the fake, and the sanity check by random
weights.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np

from unmask.data.skipped_clips import check_skipped, with_used_stream
from unmask.data.splits import select_split
from unmask.data.torch.evaluation_set import FeatureLoader, unusable_example
from unmask.errors import DataError
from unmask.evaluation.bootstrap import Resampling, estimate_mean
from unmask.evaluation.intervals import Estimate
from unmask.explainability.clip_tests import ClipTests, EvidenceTester
from unmask.explainability.faithfulness import Faithfulness
from unmask.explainability.pointing import Pointing
from unmask.models.bundle import Bundle
from unmask.preprocessing.prepare import to_model_inputs
from unmask.progress_bar import track
from unmask.records import Clip, ModelInput

REFERENCE_CLIPS = 32  # genuine clips whose mean the network with random weights is compared with
BLENDS = ("self-blend", "face-swap")  # kinds that change the face everywhere

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class FaithfulnessRow:
    """Tests of the evidence of one group of clips; means over clips, effects in log-odds.

    Attributes:
        name: What is tested.
        clips: With such evidence.
        insertion, random_insertion: ``None`` for sound.
        supported: Share of clips whose evidence is shown.
        random_supported: Share of clips in which a random map would be shown.
    """

    name: str
    clips: int
    deletion: Estimate
    random_deletion: Estimate
    insertion: Estimate | None
    random_insertion: Estimate | None
    supported: Estimate
    random_supported: Estimate


@dataclass(frozen=True, slots=True)
class PointingRow:
    """Pointing game on one group of fakes; mean shares, see :class:`.pointing.Pointing`."""

    name: str
    clips: int
    hottest: Estimate
    random: Estimate
    centre: Estimate
    best: Estimate


@dataclass(frozen=True, slots=True)
class EvidenceReport:
    """Evaluation of the evidence of one bundle.

    Attributes:
        split: Split of the clips.
        clips: That could be used.
        layer: Of the heat maps; ``None`` for a detector of sound alone.
        agreement: Rank correlation of the maps with those of random weights, of
            ``agreement_clips`` clips.
    """

    split: str
    clips: int
    layer: str | None
    faithfulness: tuple[FaithfulnessRow, ...]
    pointing: tuple[PointingRow, ...]
    agreement: Estimate | None
    agreement_clips: int


def evaluate_evidence(
    bundle: Bundle,
    clips: Sequence[Clip],
    split: str,
    load: FeatureLoader,
    resampling: Resampling,
) -> EvidenceReport:
    """Test the evidence of each clip of a split: of its highest-scoring frame, and of its sound.

    Args:
        load: Loads the features of a clip with the bundle's preprocessing.

    Raises:
        DataError: The bundle has no features of genuine faces, or too few clips can be used.
    """
    used = with_used_stream(select_split(clips, split), bundle.settings.modalities)
    if "video" in bundle.settings.modalities and not bundle.genuine_features:
        raise DataError(
            "the bundle has no features of genuine faces, so its heat maps cannot be tested; "
            "calibrate it again: unmask train calibrate"
        )
    tester = EvidenceTester(bundle, load, list(_genuine_samples(used, load)))
    results: list[ClipTests] = []
    problems: dict[str, str] = {}
    for clip in track(used, "evidence"):
        try:
            results.append(tester.test(clip, _find_twin(clip, used)))
        except Exception as error:  # a bug that one clip triggers must not end an evaluation
            problems[clip.clip_id] = unusable_example(clip, error).problem
            log.warning("clip %s was not tested: %s", clip.clip_id, problems[clip.clip_id])
    check_skipped(used, problems)
    agreements = [(r.clip, r.agreement) for r in results if r.agreement is not None]
    return EvidenceReport(
        split,
        len(results),
        tester.layer_name,
        tuple(_faithfulness_rows(results, resampling)),
        tuple(_pointing_rows(results, resampling)),
        _mean(agreements, resampling) if agreements else None,
        len(agreements),
    )


def _genuine_samples(clips: Sequence[Clip], load: FeatureLoader) -> Iterator[ModelInput]:
    genuine = [clip for clip in clips if not clip.is_fake][:REFERENCE_CLIPS]
    return chain.from_iterable(to_model_inputs(load(clip)) for clip in genuine)


def _find_twin(clip: Clip, clips: Sequence[Clip]) -> Clip | None:
    """Return the genuine clip that a fake face was made from."""
    if not clip.fake_video:
        return None
    return next((c for c in clips if c.pair_id == clip.pair_id and not c.is_fake), None)


Tests = Callable[[ClipTests], tuple[Faithfulness | None, Faithfulness | None]]


def _faithfulness_rows(
    results: Sequence[ClipTests], resampling: Resampling
) -> Iterator[FaithfulnessRow]:
    def face(tests: ClipTests) -> tuple[Faithfulness | None, Faithfulness | None]:
        return tests.face, tests.random_face

    def twin(tests: ClipTests) -> tuple[Faithfulness | None, Faithfulness | None]:
        return tests.twin, tests.random_twin

    def sound(tests: ClipTests) -> tuple[Faithfulness | None, Faithfulness | None]:
        return tests.sound, tests.random_sound

    fake_faces = [tests for tests in results if tests.clip.fake_video]
    fake_sound = [tests for tests in results if tests.clip.fake_audio]
    genuine = [tests for tests in results if not tests.clip.is_fake]
    groups: list[tuple[str, list[ClipTests], Tests]] = [
        ("forged faces", fake_faces, face),
        ("forged faces, against the genuine twin", fake_faces, twin),
        ("faces of genuine clips", genuine, face),
        ("forged voices", fake_sound, sound),
        ("voices of genuine clips", genuine, sound),
    ]
    for name, members, tests_of in groups:
        row = _faithfulness_row(name, members, tests_of, resampling)
        if row is not None:
            yield row


def _faithfulness_row(
    name: str, results: Sequence[ClipTests], tests_of: Tests, resampling: Resampling
) -> FaithfulnessRow | None:
    pairs = [(tests.clip, *tests_of(tests)) for tests in results]
    known = [(clip, own, random) for clip, own, random in pairs if own and random]
    if not known:
        return None

    def mean(effect: str) -> Estimate | None:
        values = [(clip, getattr(own, effect)) for clip, own, _ in known]
        return None if values[0][1] is None else _mean(values, resampling)

    def share(values: list[tuple[Clip, bool]]) -> Estimate:
        return _mean([(clip, float(value)) for clip, value in values], resampling)

    return FaithfulnessRow(
        name,
        len(known),
        deletion=_mean([(clip, own.deletion) for clip, own, _ in known], resampling),
        random_deletion=_mean([(clip, own.random_deletion) for clip, own, _ in known], resampling),
        insertion=mean("insertion"),
        random_insertion=mean("random_insertion"),
        supported=share([(clip, own.is_supported) for clip, own, _ in known]),
        random_supported=share([(clip, random.is_supported) for clip, _, random in known]),
    )


def _pointing_rows(results: Sequence[ClipTests], resampling: Resampling) -> Iterator[PointingRow]:
    known = [(tests.clip, tests.pointing) for tests in results if tests.pointing is not None]
    blends = [row for row in known if row[0].manipulation.startswith(BLENDS)]
    others = [row for row in known if not row[0].manipulation.startswith(BLENDS)]
    for name, rows in (("all forged faces", known), ("blends", blends), ("others", others)):
        if rows:
            yield _pointing_row(name, rows, resampling)


def _pointing_row(
    name: str, rows: Sequence[tuple[Clip, Pointing]], resampling: Resampling
) -> PointingRow:
    def mean(field: str) -> Estimate:
        return _mean([(clip, getattr(pointing, field)) for clip, pointing in rows], resampling)

    names = ("hottest", "random", "centre", "best")
    return PointingRow(name, len(rows), *(mean(field) for field in names))


def _mean(values: Sequence[tuple[Clip, float]], resampling: Resampling) -> Estimate:
    people = [clip.identity for clip, _ in values]
    return estimate_mean(np.array([value for _, value in values]), people, resampling)
