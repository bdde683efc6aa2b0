"""Every component of the detector switched off in turn, or on, over several seeds."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from time import perf_counter

from unmask.config import Settings, load_settings, to_dict
from unmask.data.manifest import manifest_hash
from unmask.data.torch.evaluation_set import EvaluationClips, make_feature_loader
from unmask.errors import ConfigError
from unmask.evaluation.ablation_analysis import RunScores
from unmask.models.bundle import load_bundle
from unmask.preprocessing.cache import Cache
from unmask.records import Clip
from unmask.training.code_fingerprint import training_fingerprint
from unmask.training.full_run import train_and_calibrate
from unmask.training.score_clips import score_clip_people, select_split, to_score_row

REFERENCE = "everything"
TIMES = 2  # that scoring is timed; the quicker counts, the other was disturbed


@dataclass(frozen=True, slots=True)
class Component:
    """A part of the detector that can be done without.

    Attributes:
        phase: In which phase it came; it is on from there.
        off: Overrides that switch it off, ``section.key=value`` each.
        expected: What published evidence lets one expect of it, in a few words.
        on: Overrides that switch it on, where phase and profile leave it off.
    """

    name: str
    phase: int
    off: tuple[str, ...]
    expected: str
    on: tuple[str, ...] = ()


CHANGES = ("colour", "blur", "resize", "cutout", "pitch", "stretch", "noise", "tilt")

COMPONENTS = (
    Component("VAD mask", 1, ("model.vad_mask=false",), "not told"),
    Component("temporal consistency", 1, ("training.temporal_weight=0",), "not told"),
    Component("modality dropout", 1, ("model.modality_dropout=0",), "not told"),
    Component("cross-modal attention", 2, ("model.fusion=concat",), "not told"),
    Component("optical flow", 2, ("model.flow=false",), "little"),
    Component("face alignment", 2, ("preprocessing.align.method=box",), "not told"),
    Component("auxiliary heads", 2, ("model.auxiliary=false",), "not told"),
    Component("MC-dropout", 2, ("uncertainty.passes=0",), "little"),
    Component("temporal transformer", 3, ("model.temporal=conv",), "little"),
    Component("lip-sync", 3, ("sync.enabled=false",), "not told"),
    Component("forged twins", 3, ("training.fakes=labelled",), "much", on=("training.fakes=both",)),
    Component("paired batches", 3, ("training.paired=false",), "much"),
    Component(
        "adversarial training",
        3,
        ("training.adversarial_epsilon=0",),
        "not told",
        on=("training.adversarial_epsilon=0.05",),
    ),
    Component("codecs in training", 3, ("augmentation.codec=0",), "much"),
    Component(
        "other augmentation",
        3,
        tuple(f"augmentation.{name}=0" for name in CHANGES),
        "much",
        on=tuple(f"augmentation.{name}=0.2" for name in CHANGES),
    ),
)
ENSEMBLE = "ensemble"  # always added: all others are tried on one member


MAKES_AN_ANSWER = ("preprocessing", "model", "sync", "ensemble", "uncertainty")
MAKES_A_BUNDLE = (*MAKES_AN_ANSWER, "training", "augmentation")


@dataclass(frozen=True, slots=True)
class AblationRun:
    """One training of an ablation.

    Attributes:
        name: The component that is off, or ``everything``.
        added: The component is on, and off in the reference.
        timed: What answers is built otherwise than the reference, and may take other time.
    """

    name: str
    settings: Settings
    added: bool = False
    timed: bool = True


def plan_runs(
    phase: int,
    profile: str,
    seeds: Sequence[int],
    components: Sequence[str] = (),
    overrides: Sequence[str] = (),
) -> tuple[AblationRun, ...]:
    """What has to be trained: the reference first, then each component of the phase switched off.

    All of them have one member, so that twelve components over three seeds are an hour's work;
    what an ensemble adds is measured on the reference, last. A component that phase and profile
    leave off is switched on where that is known how, and left out otherwise.

    Args:
        components: Names of those to look at; all if empty, and with ``everything`` none.
        overrides: Of every training, the reference too.

    Raises:
        ConfigError: There is no such component.
    """
    known = {one.name: one for one in COMPONENTS if one.phase <= phase}
    if unknown := sorted(set(components) - {REFERENCE, *known, ENSEMBLE}):
        raise ConfigError(f"no component {', '.join(unknown)}; use {', '.join(known)}, {ENSEMBLE}")
    chosen = [name for name in components or (*known, ENSEMBLE) if name != REFERENCE]
    alone = ("ensemble.members=1",)

    def with_(*switches: str) -> tuple[Settings, ...]:  # one for each seed
        return tuple(
            load_settings(
                phase=phase, profile=profile, overrides=(*overrides, f"seed={seed}", *switches)
            )
            for seed in seeds
        )

    reference = with_(*alone)
    made = [AblationRun(REFERENCE, one) for one in reference]
    for name in chosen:
        part = known.get(name)
        without = with_() if part is None else with_(*alone, *part.off)
        added = part is None
        if part is not None and without == reference:
            without, added = with_(*alone, *part.on), True
        if without != reference:
            timed = _answers(without[0]) != _answers(reference[0])
            made += [AblationRun(name, one, added, timed) for one in without]
    return tuple(made)


def run_ablation(
    work: Sequence[AblationRun], clips: Sequence[Clip], cache: Cache, place: Path
) -> Iterator[tuple[AblationRun, RunScores]]:
    """Train and score every plan, one after the other; each is given as soon as it is done.

    Args:
        place: Keeps what is trained, so that an ablation that was killed goes on.
    """
    for plan in work:
        folder = place / plan_key(clips, plan.settings)[:12] / "bundle"
        if not folder.is_dir():  # what two plans have in common is fitted once
            train_and_calibrate(clips, plan.settings, cache, place, folder)
        bundle = load_bundle(folder)
        test, load = select_split(clips, "test"), make_feature_loader(bundle.preprocessing, cache)
        whole = EvaluationClips(test, load)
        for number in range(len(whole)):  # prepared, and at hand, before the clock starts
            whole[number]
        seconds = []
        for _ in range(TIMES if plan.timed else 1):
            begin = perf_counter()
            scored = score_clip_people(bundle, test, load, plan.settings.uncertainty.passes)
            seconds.append(perf_counter() - begin)
        rows = tuple(to_score_row(one) for one in scored)
        ms = min(seconds) / len(scored) * 1000 if plan.timed else None
        yield plan, RunScores(plan.settings.seed, rows, ms)


def _answers(settings: Settings) -> tuple[object, ...]:
    """All of the settings that an analysis depends on, how the weights came about apart."""
    return tuple(getattr(settings, name) for name in MAKES_AN_ANSWER)


def group_by_component(done: Sequence[tuple[AblationRun, RunScores]]) -> dict[str, list[RunScores]]:
    """Trainings by what is switched off, the reference under its own name."""
    found: dict[str, list[RunScores]] = {}
    for plan, trained in done:
        found.setdefault(plan.name, []).append(trained)
    return found


def added_components(done: Sequence[tuple[AblationRun, RunScores]]) -> frozenset[str]:
    """Names of the components that were switched on and not off."""
    return frozenset(plan.name for plan, _ in done if plan.added)


def expectations() -> dict[str, str]:
    """Component to what was expected of it."""
    return {one.name: one.expected for one in COMPONENTS} | {ENSEMBLE: "much"}


def report_notes(clips: Sequence[Clip], overrides: Sequence[str]) -> tuple[str, ...]:
    """What a reader of the table has to know."""
    test = [clip for clip in clips if clip.split == "test"]
    people = len({clip.identity for clip in test})
    fixed = f" Every training with {' '.join(overrides)}." if overrides else ""
    return (
        f"Each row is one component switched off, all others on, or, where the name has a plus, "
        f"one switched on that the reference lacks; scores of {len(test)} test "
        f"clips of {people} people, mean over the seeds, intervals by resampling people and "
        f"seeds, the gain's on the same resamples.{fixed}",
        "All have one member but the ensemble, whose others take over the first one's frame "
        "encoder where `ensemble.shared_frames` is on. A gain whose interval holds zero was not "
        "shown; with so many rows, one in twenty is shown by chance. "
        "MC-dropout moves no score, only its interval (`unmask uncertainty`): what it shows here "
        "is its time. The time is that of scoring a clip that is prepared; what alignment, flow "
        "and mouths take before that is in `unmask bench`; a row without has the reference's.",
        "Expected: what published evidence says of the component (much, little), where it says "
        "anything; it gives no number for a set like this. A foundation backbone with its norms "
        "alone tuned (`model.frame_backbone`, `model.tuned=norms`), of which much is expected, has "
        "no row: its worth lies in pretrained weights, and the demo has none.",
    )


def plan_key(clips: Sequence[Clip], settings: Settings) -> str:
    """Hash of clips, code and all that a calibrated bundle depends on, 64 hexadecimal digits.

    That of a fit leaves out what its weights do not depend on, such as the number of members.
    """
    parts = {
        "clips": manifest_hash(clips),
        "seed": settings.seed,
        "code": training_fingerprint(),
        **{name: to_dict(getattr(settings, name)) for name in MAKES_A_BUNDLE},
    }
    return sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
