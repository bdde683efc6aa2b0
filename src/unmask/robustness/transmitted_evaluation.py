"""AUC and evasion under attacks that pass H.264 before they are scored, as an upload does."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import nan
from pathlib import Path
from tempfile import TemporaryDirectory
from zlib import crc32

import numpy as np

from unmask.config import EvaluationSettings, TransmittedSettings
from unmask.config.codec_conditions import parse_condition
from unmask.data.torch.evaluation_set import FeatureLoader
from unmask.errors import UnmaskError
from unmask.evaluation.metrics import Scores
from unmask.models.bundle import Bundle
from unmask.models.device_placement import load_on_accelerator
from unmask.models.ensemble.shared_encoders import Ensemble
from unmask.preprocessing.parallel import run_parallel
from unmask.records import Clip
from unmask.robustness.clip_choice import choose_clips
from unmask.robustness.clip_score import score_clip
from unmask.robustness.transmitted_attack import GradientSource, perturb_clip
from unmask.robustness.transmitted_report import (
    ATTACKER,
    KNOWLEDGE,
    StagesByAttack,
    TransmittedReport,
    TransmittedScores,
    compare_attacks,
    compare_parts,
)
from unmask.robustness.transmitted_video import Arrival, Upload, save_perturbations, transmit

NO_FACES_USED = "the detector does not look at faces"
NO_CLIPS = "the test clips lack genuine faces or fake ones"
NO_SURROGATE = (
    "transfer was not measured: the detector has one member, and no other network was given"
)
SHARED_ENCODER_NOTE = (
    "the network of the transfer attack shares the frame encoder of the scored members, so that "
    "it is hardly a different detector of faces"
)

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Attacker:
    """An attacker, and the detector that scores the result."""

    name: str
    source: GradientSource
    scorer: Bundle


@dataclass(frozen=True, slots=True)
class _Experiment:
    """What all uploads of an evaluation share."""

    bundle: Bundle
    settings: TransmittedSettings
    seed: int
    folder: Path


def evaluate_transmitted(
    bundle: Bundle,
    clips: Sequence[Clip],
    load: FeatureLoader,
    settings: TransmittedSettings,
    evaluation: EvaluationSettings,
    seed: int = 0,
) -> TransmittedReport:
    """Attack the fakes among the test clips, encode everything, and score it again.

    A fake is attacked if its face is forged, or may be; a genuine clip is only encoded. Clips
    without a face in the picture are left out. With ``settings.clips``, no more are loaded than it
    takes to find so many, in whole pairs, of both classes.

    Args:
        load: Loads the features of a clip with the bundle's preprocessing.
        seed: Seed of the attacks and of the resampling.

    Raises:
        BundleError: The surrogate of the settings cannot be loaded.
    """
    report = TransmittedReport(evaluation.confidence, settings.epsilon_levels)
    if "video" not in bundle.settings.modalities:
        return replace(report, unmeasurable=NO_FACES_USED)
    test = [clip for clip in clips if clip.split == "test"]
    faces = _Faces(load)
    candidates = [clip for clip in test if not (clip.is_fake and clip.fake_video is False)]
    chosen = choose_clips(candidates, settings.clips, faces.is_usable, both_classes=True)
    notes = faces.describe(len(test) - len(candidates))
    if len({clip.is_fake for clip in chosen}) < 2:
        return replace(report, notes=notes, unmeasurable=NO_CLIPS)
    attackers, more_notes = _attackers(bundle, settings)
    with TemporaryDirectory() as folder:
        experiment = _Experiment(bundle, settings, seed, Path(folder))
        stages = _score_stages(experiment, attackers, chosen, load)
    return replace(
        report,
        rows=compare_attacks(stages, chosen, evaluation, seed),
        parts=tuple(compare_parts(stages, chosen, evaluation, seed)),
        attacker=ATTACKER.format(epsilon=settings.epsilon_levels),
        notes=(*notes, *more_notes, *_describe_attackers(attackers)),
    )


class _Faces:
    """Check of clips for a face, which counts those without one."""

    def __init__(self, load: FeatureLoader) -> None:
        self._load = load
        self._faceless = self._unreadable = 0

    def is_usable(self, clip: Clip) -> bool:
        """Load a clip and return whether it shows a face."""
        try:
            people = self._load(clip).people
        except UnmaskError as error:
            log.warning("clip %s was not attacked: %s", clip.clip_id, error)
            self._unreadable += 1
            return False
        self._faceless += not people
        return bool(people)

    def describe(self, voices: int) -> tuple[str, ...]:
        """Return notes on the clips that are left out, ``voices`` of them for genuine faces."""
        notes = {
            f"{self._faceless} test clips were left out, as they show no face": self._faceless,
            f"{voices} fakes were not attacked, as their face is genuine": voices,
            f"{self._unreadable} test clips were left out, as they cannot be read": (
                self._unreadable
            ),
        }
        return tuple(note for note, count in notes.items() if count)


def _attackers(
    bundle: Bundle, settings: TransmittedSettings
) -> tuple[list[_Attacker], tuple[str, ...]]:
    """Return the attackers that can be simulated, and notes on the others."""
    members = bundle.members
    attackers, notes = [], []
    for name in settings.attackers:
        if name == "white_box":
            attackers.append(_Attacker(name, GradientSource(members, bundle.settings), bundle))
        elif name == "noise":
            attackers.append(_Attacker(name, GradientSource((), bundle.settings), bundle))
        elif settings.surrogate:
            surrogate = load_on_accelerator(Path(settings.surrogate))
            source = GradientSource(surrogate.members, surrogate.settings)
            attackers.append(_Attacker(name, source, bundle))
        elif len(members) > 1:
            source = GradientSource(members[-1:], bundle.settings)
            attackers.append(_Attacker(name, source, replace(bundle, members=members[:-1])))
            if Ensemble(members).shares_frame_encoder:
                notes.append(SHARED_ENCODER_NOTE)
        else:
            notes.append(NO_SURROGATE)
    return attackers, tuple(notes)


def _describe_attackers(attackers: Sequence[_Attacker]) -> tuple[str, ...]:
    return tuple(f"{attacker.name} knows {KNOWLEDGE[attacker.name]}" for attacker in attackers)


def _score_stages(
    experiment: _Experiment,
    attackers: Sequence[_Attacker],
    clips: Sequence[Clip],
    load: FeatureLoader,
) -> StagesByAttack:
    """Return the scores under each attacker and CRF."""
    scorers = {id(each.scorer): each.scorer for each in attackers}
    original = {
        key: np.array([score_clip(scorer, load(clip)) for clip in clips])
        for key, scorer in scorers.items()
    }
    encoded = {
        crf: _score_uploads(experiment, crf, clips, scorers, {}) for crf in experiment.settings.crf
    }
    stages: dict[tuple[str, int], TransmittedScores] = {}
    for attacker in attackers:
        files = _perturb_fakes(experiment, attacker, clips, load)
        fakes = [clip for clip in clips if clip.is_fake]
        own, is_fake = id(attacker.scorer), np.array([clip.is_fake for clip in clips])
        for crf in experiment.settings.crf:
            attacked = encoded[crf][own].copy()
            scorer = {own: attacker.scorer}
            attacked[is_fake] = _score_uploads(experiment, crf, fakes, scorer, files)[own]
            scores = TransmittedScores(original[own], encoded[crf][own], attacked)
            stages[attacker.name, crf] = scores
    return stages


def _perturb_fakes(
    experiment: _Experiment,
    attacker: _Attacker,
    clips: Sequence[Clip],
    load: FeatureLoader,
) -> dict[str, Path]:
    """Optimise the perturbation of each fake; return their files by ``clip_id``."""
    files: dict[str, Path] = {}
    for number, clip in enumerate(clips):
        if not clip.is_fake:
            continue
        people = perturb_clip(
            clip.path,
            load(clip),
            attacker.source,
            experiment.bundle.preprocessing,
            experiment.settings,
            crc32(f"{experiment.seed} {attacker.name} {clip.clip_id}".encode()),
        )
        files[clip.clip_id] = experiment.folder / f"{attacker.name}-{number}.npz"
        save_perturbations(files[clip.clip_id], people)
    return files


def _score_uploads(
    experiment: _Experiment,
    crf: int,
    clips: Sequence[Clip],
    scorers: dict[int, Bundle],
    files: dict[str, Path],
) -> dict[int, Scores]:
    """Encode clips, with the perturbations in ``files``, and score what arrives.

    Returns:
        By scorer, shape ``(clips,)``; NaN where a clip cannot be scored.
    """
    condition = parse_condition(f"h264:{crf}")
    uploads = [
        Upload(
            clip,
            condition,
            experiment.folder / f"{number}.mp4",
            files.get(clip.clip_id),
            experiment.settings.epsilon_levels,
        )
        for number, clip in enumerate(clips)
    ]
    calls = [(upload, experiment.bundle.preprocessing) for upload in uploads]
    scores = {key: np.full(len(clips), nan) for key in scorers}
    arrivals = run_parallel(transmit, calls, experiment.settings.jobs, "uploads", _report_crash)
    for index, arrival in enumerate(arrivals):
        if arrival.features is None:
            log.warning("clip %s, h264:%d: %s", arrival.clip_id, crf, arrival.error)
            continue
        for key, scorer in scorers.items():
            scores[key][index] = score_clip(scorer, arrival.features)
    return scores


def _report_crash(upload: Upload, _settings: object) -> Arrival:
    error = f"{upload.clip.path}: its encoding crashed the process; export the file again"
    return Arrival(upload.clip.clip_id, None, error)
